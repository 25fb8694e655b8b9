/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * fake-driver.c: libcuda.so.1 as far as GStreamer's libgstcuda-1.0 and kernels/cuda/others.cu use it, over the memory of
 * the processor: two devices, contexts, memory of a context with padded rows, streams. Copies from pinned memory and
 * within a device are as late as they may be: when their stream, or all that keep step with the default one, is waited
 * for. What a real driver refuses (memory of another context, no context at all) is refused. Textures, kernels and GL
 * are not there.
 *
 * gh_fake_driver_downloads() counts the copies from devices to the processor's memory.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SUCCESS = 0, INVALID_VALUE = 1, OUT_OF_MEMORY = 2, INVALID_DEVICE = 101, INVALID_CONTEXT = 201,
  NOT_SUPPORTED = 801 };
enum { DEVICES = 2, MOST_CURRENT = 256, PITCH = 512, HOST = 1, DEVICE = 2 };

typedef struct {
  int device;
} Context;

typedef struct Memory {
  struct Memory *next;
  char *at;
  size_t bytes;
  const Context *of;            /* NULL: pinned memory of the host */
} Memory;

/* As cuda.h has it. */
typedef struct {
  size_t from_x, from_y;
  unsigned from_type;
  const void *from_host;
  uintptr_t from_device;
  void *from_array;
  size_t from_pitch;
  size_t to_x, to_y;
  unsigned to_type;
  void *to_host;
  uintptr_t to_device;
  void *to_array;
  size_t to_pitch;
  size_t width, height;
} Copy2D;

typedef struct Late {
  struct Late *next;
  Copy2D copy;
} Late;

typedef struct Stream {
  struct Stream *next;
  unsigned flags;
  Late *first, *last;
} Stream;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static Context primary[DEVICES] = { { 0 }, { 1 } };
static Memory *memories;
static Stream *streams;
static unsigned downloads;
static __thread Context *current[MOST_CURRENT];
static __thread int n_current;

void gh_fake_driver_catch_up (void);
unsigned gh_fake_driver_downloads (void);

/* ---- devices and contexts ---------------------------------------------------------------------------------------- */

int cuInit (unsigned flags);
int cuDriverGetVersion (int *version);
int cuDeviceGet (int *device, int ordinal);
int cuDeviceGetCount (int *count);
int cuDeviceGetName (char *name, int size, int device);
int cuDeviceGetAttribute (int *value, int attribute, int device);
int cuDeviceCanAccessPeer (int *can, int device, int peer);
int cuDevicePrimaryCtxRetain (Context **context, int device);
int cuGetErrorName (int error, const char **name);
int cuGetErrorString (int error, const char **words);
int cuCtxCreate_v2 (Context **context, unsigned flags, int device);
int cuCtxDestroy_v2 (Context *context);
int cuCtxPushCurrent_v2 (Context *context);
int cuCtxPopCurrent_v2 (Context **context);
int cuCtxEnablePeerAccess (Context *context, unsigned flags);
int cuCtxDisablePeerAccess (Context *context);

int
cuInit (unsigned flags)
{
  return flags == 0 ? SUCCESS : INVALID_VALUE;
}

int
cuDriverGetVersion (int *version)
{
  *version = 12000;
  return SUCCESS;
}

int
cuDeviceGet (int *device, int ordinal)
{
  *device = ordinal;
  return ordinal >= 0 && ordinal < DEVICES ? SUCCESS : INVALID_DEVICE;
}

int
cuDeviceGetCount (int *count)
{
  *count = DEVICES;
  return SUCCESS;
}

int
cuDeviceGetName (char *name, int size, int device)
{
  snprintf (name, (size_t) size, "fake %d", device);
  return SUCCESS;
}

int
cuDeviceGetAttribute (int *value, int attribute, int device)
{
  (void) attribute;
  *value = 1;
  return device >= 0 && device < DEVICES ? SUCCESS : INVALID_DEVICE;
}

int
cuDeviceCanAccessPeer (int *can, int device, int peer)
{
  (void) device;
  (void) peer;
  *can = 0;
  return SUCCESS;
}

int
cuDevicePrimaryCtxRetain (Context **context, int device)
{
  if (device < 0 || device >= DEVICES)
    return INVALID_DEVICE;
  *context = &primary[device];
  return SUCCESS;
}

int
cuGetErrorName (int error, const char **name)
{
  (void) error;
  *name = "an error";
  return SUCCESS;
}

int
cuGetErrorString (int error, const char **words)
{
  return cuGetErrorName (error, words);
}

int
cuCtxPushCurrent_v2 (Context *context)
{
  if (!context || n_current == MOST_CURRENT)
    return INVALID_CONTEXT;
  current[n_current++] = context;
  return SUCCESS;
}

int
cuCtxPopCurrent_v2 (Context **context)
{
  if (n_current == 0)
    return INVALID_CONTEXT;
  n_current--;
  if (context)
    *context = current[n_current];
  return SUCCESS;
}

static Context *
here (void)
{
  return n_current > 0 ? current[n_current - 1] : NULL;
}

/* It is current then. */
int
cuCtxCreate_v2 (Context **context, unsigned flags, int device)
{
  (void) flags;
  if (device < 0 || device >= DEVICES || !(*context = calloc (1, sizeof **context)))
    return INVALID_DEVICE;
  (*context)->device = device;
  return cuCtxPushCurrent_v2 (*context);
}

int
cuCtxDestroy_v2 (Context *context)
{
  if (context == &primary[0] || context == &primary[1])
    return INVALID_CONTEXT;
  free (context);
  return SUCCESS;
}

int
cuCtxEnablePeerAccess (Context *context, unsigned flags)
{
  (void) context;
  (void) flags;
  return NOT_SUPPORTED;
}

int
cuCtxDisablePeerAccess (Context *context)
{
  (void) context;
  return NOT_SUPPORTED;
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

int cuMemAlloc_v2 (uintptr_t *at, size_t bytes);
int cuMemAllocPitch_v2 (uintptr_t *at, size_t *pitch, size_t width, size_t height, unsigned element);
int cuMemAllocHost_v2 (void **at, size_t bytes);
int cuMemFree_v2 (uintptr_t at);
int cuMemFreeHost (void *at);

/* New memory holds no zeros. */
static int
allocate (char **at, size_t bytes, const Context *of)
{
  Memory *memory = calloc (1, sizeof *memory);

  if (!here ())
    return free (memory), INVALID_CONTEXT;
  if (!memory || !(memory->at = malloc (bytes)))
    return free (memory), OUT_OF_MEMORY;
  memset (memory->at, 0xa5, bytes);
  memory->bytes = bytes;
  memory->of = of;
  *at = memory->at;
  pthread_mutex_lock (&lock);
  memory->next = memories;
  memories = memory;
  pthread_mutex_unlock (&lock);
  return SUCCESS;
}

static int
release (const char *at)
{
  Memory **link = &memories, *found;

  gh_fake_driver_catch_up ();
  pthread_mutex_lock (&lock);
  while (*link && (*link)->at != at)
    link = &(*link)->next;
  found = *link;
  if (found)
    *link = found->next;
  pthread_mutex_unlock (&lock);
  if (!found)
    return INVALID_VALUE;
  free (found->at);
  free (found);
  return SUCCESS;
}

int
cuMemAlloc_v2 (uintptr_t *at, size_t bytes)
{
  return allocate ((char **) at, bytes, here ());
}

int
cuMemAllocPitch_v2 (uintptr_t *at, size_t *pitch, size_t width, size_t height, unsigned element)
{
  (void) element;
  *pitch = (width + PITCH - 1) / PITCH * PITCH;
  return allocate ((char **) at, *pitch * height, here ());
}

int
cuMemAllocHost_v2 (void **at, size_t bytes)
{
  return allocate ((char **) at, bytes, NULL);
}

int
cuMemFree_v2 (uintptr_t at)
{
  return release ((const char *) at);
}

int
cuMemFreeHost (void *at)
{
  return release (at);
}

/* What `at` lies in, with so many bytes after it. The lock is held. */
static const Memory *
find (const char *at, size_t bytes)
{
  for (const Memory *m = memories; m; m = m->next) {
    if (at >= m->at && at <= m->at + m->bytes && bytes <= (size_t) (m->at + m->bytes - at))
      return m;
  }
  return NULL;
}

/* ---- copies and streams ------------------------------------------------------------------------------------------ */

int cuMemcpy2D_v2 (const Copy2D *copy);
int cuMemcpy2DAsync_v2 (const Copy2D *copy, Stream *stream);
int cuStreamCreate (Stream **stream, unsigned flags);
int cuStreamDestroy (Stream *stream);
int cuStreamSynchronize (Stream *stream);

static const char *
from_of (const Copy2D *c)
{
  return (c->from_type == HOST ? (const char *) c->from_host : (const char *) c->from_device)
      + c->from_y * c->from_pitch + c->from_x;
}

static char *
to_of (const Copy2D *c)
{
  return (c->to_type == HOST ? (char *) c->to_host : (char *) c->to_device) + c->to_y * c->to_pitch + c->to_x;
}

/* Device memory has to be of the current context, and hold it all. The lock is held. */
static int
is_allowed (const Copy2D *c)
{
  const size_t from = (c->height - 1) * c->from_pitch + c->width, to = (c->height - 1) * c->to_pitch + c->width;
  const Memory *source = c->from_type == DEVICE ? find (from_of (c), from) : NULL;
  const Memory *target = c->to_type == DEVICE ? find (to_of (c), to) : NULL;

  if (c->from_type != HOST && (c->from_type != DEVICE || !source || source->of != here ()))
    return 0;
  return here () && c->height > 0 && (c->to_type == HOST || (c->to_type == DEVICE && target && target->of == here ()));
}

static void
copy_now (const Copy2D *c)
{
  for (size_t y = 0; y < c->height; y++)
    memcpy (to_of (c) + y * c->to_pitch, from_of (c) + y * c->from_pitch, c->width);
  downloads += c->from_type == DEVICE && c->to_type == HOST;
}

/* The lock is held. */
static void
catch_up (Stream *stream)
{
  while (stream->first) {
    Late *late = stream->first;

    copy_now (&late->copy);
    stream->first = late->next;
    free (late);
  }
  stream->last = NULL;
}

static void
catch_up_all (void)
{
  for (Stream *s = streams; s; s = s->next) {
    if (s->flags == 0)
      catch_up (s);
  }
}

void
gh_fake_driver_catch_up (void)
{
  pthread_mutex_lock (&lock);
  catch_up_all ();
  pthread_mutex_unlock (&lock);
}

unsigned
gh_fake_driver_downloads (void)
{
  unsigned n;

  pthread_mutex_lock (&lock);
  n = downloads;
  pthread_mutex_unlock (&lock);
  return n;
}

int
cuMemcpy2D_v2 (const Copy2D *copy)
{
  int allowed;

  pthread_mutex_lock (&lock);
  catch_up_all ();
  allowed = is_allowed (copy);
  if (allowed)
    copy_now (copy);
  pthread_mutex_unlock (&lock);
  return allowed ? SUCCESS : INVALID_VALUE;
}

int
cuMemcpy2DAsync_v2 (const Copy2D *copy, Stream *stream)
{
  Late *late;
  int allowed;

  if (!stream)
    return cuMemcpy2D_v2 (copy);
  pthread_mutex_lock (&lock);
  allowed = is_allowed (copy) && (late = calloc (1, sizeof *late));
  if (allowed) {
    late->copy = *copy;
    *(stream->last ? &stream->last->next : &stream->first) = late;
    stream->last = late;
    if (copy->from_type == HOST && !find (from_of (copy), 0))   /* has left what is not pinned when this returns */
      catch_up (stream);
  }
  pthread_mutex_unlock (&lock);
  return allowed ? SUCCESS : INVALID_VALUE;
}

int
cuStreamCreate (Stream **stream, unsigned flags)
{
  if (!here () || !(*stream = calloc (1, sizeof **stream)))
    return INVALID_CONTEXT;
  (*stream)->flags = flags;
  pthread_mutex_lock (&lock);
  (*stream)->next = streams;
  streams = *stream;
  pthread_mutex_unlock (&lock);
  return SUCCESS;
}

int
cuStreamSynchronize (Stream *stream)
{
  pthread_mutex_lock (&lock);
  if (stream)
    catch_up (stream);
  else
    catch_up_all ();
  pthread_mutex_unlock (&lock);
  return SUCCESS;
}

int
cuStreamDestroy (Stream *stream)
{
  Stream **link = &streams;

  pthread_mutex_lock (&lock);
  while (*link && *link != stream)
    link = &(*link)->next;
  if (*link)
    *link = stream->next;
  catch_up (stream);
  pthread_mutex_unlock (&lock);
  free (stream);
  return SUCCESS;
}

/* ---- what libgstcuda wants to find and tests do not use ---------------------------------------------------------- */

#define ABSENT(name) \
  int name (void); \
  int name (void) { return NOT_SUPPORTED; }

ABSENT (cuGraphicsMapResources)
ABSENT (cuGraphicsUnmapResources)
ABSENT (cuGraphicsUnregisterResource)
ABSENT (cuGraphicsResourceSetMapFlags_v2)
ABSENT (cuGraphicsSubResourceGetMappedArray)
ABSENT (cuGraphicsResourceGetMappedPointer_v2)
ABSENT (cuGraphicsGLRegisterImage)
ABSENT (cuGraphicsGLRegisterBuffer)
ABSENT (cuGLGetDevices_v2)
ABSENT (cuModuleLoadData)
ABSENT (cuModuleUnload)
ABSENT (cuModuleGetFunction)
ABSENT (cuTexObjectCreate)
ABSENT (cuTexObjectDestroy)
ABSENT (cuLaunchKernel)
