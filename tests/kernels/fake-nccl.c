/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * fake-nccl.c: what kernels/cuda asks of NCCL, for two processes whose devices are emulated: sums go through a socket,
 * by the name that the id is. FAKE_NCCL=hang never ends a sum, FAKE_NCCL=fail fails in one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { SUCCESS = 0, INTERNAL_ERROR = 3, INVALID_ARGUMENT = 4, REMOTE_ERROR = 6, IN_PROGRESS = 7, FLOAT32 = 7, SUM = 0 };

typedef struct {
  char internal[128];
} Id;

typedef struct {
  size_t size;
  unsigned magic, version;
  int blocking;
} Config;

typedef struct {
  int rank, listener, fd, state;
} Comm;

int ncclGetUniqueId (Id *id);
int ncclCommInitRankConfig (Comm **comm, int size, Id id, int rank, Config *config);
int ncclAllReduce (const float *from, float *to, size_t n, int type, int op, Comm *comm, void *stream);
int ncclCommGetAsyncError (Comm *comm, int *error);
int ncclCommAbort (Comm *comm);
const char *ncclGetErrorString (int error);

static int listener = -1;

static struct sockaddr_un
address_of (const Id *id)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };

  memcpy (address.sun_path + 1, id->internal, 60);      /* a name that is no file */
  return address;
}

int
ncclGetUniqueId (Id *id)
{
  struct sockaddr_un address;

  memset (id, 0, sizeof *id);
  snprintf (id->internal, sizeof id->internal, "gst-heads-fake-nccl-%d", (int) getpid ());
  address = address_of (id);
  listener = socket (AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
  return bind (listener, (struct sockaddr *) &address, sizeof address) == 0 && listen (listener, 1) == 0 ? SUCCESS
      : INTERNAL_ERROR;
}

int
ncclCommInitRankConfig (Comm **comm, int size, Id id, int rank, Config *config)
{
  const struct sockaddr_un address = address_of (&id);
  Comm *c;

  if (size != 2 || config->magic != 0xcafebeef || config->version != 21400 || config->size != sizeof *config
      || config->blocking)
    return INVALID_ARGUMENT;
  c = calloc (1, sizeof *c);
  *c = (Comm) { rank, rank == 0 ? listener : -1, -1, IN_PROGRESS };
  if (rank == 1) {
    c->fd = socket (AF_UNIX, SOCK_STREAM, 0);
    c->state = connect (c->fd, (const struct sockaddr *) &address, sizeof address) == 0 ? SUCCESS : REMOTE_ERROR;
  }
  *comm = c;
  return IN_PROGRESS;
}

static int
move_all (Comm *c, float *data, size_t bytes, int out)
{
  for (size_t done = 0; done < bytes;) {
    const ssize_t n = out ? send (c->fd, (char *) data + done, bytes - done, MSG_NOSIGNAL)
        : recv (c->fd, (char *) data + done, bytes - done, 0);

    if (n <= 0)
      return REMOTE_ERROR;
    done += n;
  }
  return SUCCESS;
}

static int
add (Comm *c, float *x, size_t n)
{
  float *other = malloc (n * sizeof *other);
  int result;

  if (c->rank == 1)
    result = move_all (c, x, n * sizeof *x, 1) == SUCCESS ? move_all (c, x, n * sizeof *x, 0) : REMOTE_ERROR;
  else if ((result = move_all (c, other, n * sizeof *x, 0)) == SUCCESS) {
    for (size_t i = 0; i < n; i++)
      x[i] += other[i];
    result = move_all (c, x, n * sizeof *x, 1);
  }
  free (other);
  return result;
}

int
ncclAllReduce (const float *from, float *to, size_t n, int type, int op, Comm *comm, void *stream)
{
  const char *mode = getenv ("FAKE_NCCL");

  if (type != FLOAT32 || op != SUM || from != to || comm->state != SUCCESS)
    return INVALID_ARGUMENT;
  if (mode && strcmp (mode, "hang") == 0)
    comm->state = IN_PROGRESS;
  else if (mode && strcmp (mode, "fail") == 0)
    comm->state = REMOTE_ERROR;
  else
    comm->state = add (comm, to, n);
  return comm->state == SUCCESS ? SUCCESS : IN_PROGRESS;
}

int
ncclCommGetAsyncError (Comm *comm, int *error)
{
  if (comm->rank == 0 && comm->fd < 0 && (comm->fd = accept (comm->listener, NULL, NULL)) >= 0)
    comm->state = SUCCESS;
  *error = comm->state;
  return SUCCESS;
}

int
ncclCommAbort (Comm *comm)
{
  if (comm->fd >= 0)
    close (comm->fd);
  if (comm->listener >= 0)
    close (comm->listener);
  free (comm);
  return SUCCESS;
}

const char *
ncclGetErrorString (int error)
{
  return error == REMOTE_ERROR ? "a remote process exited or there was a network error" : "another error";
}
