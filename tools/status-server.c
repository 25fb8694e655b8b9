/* SPDX-License-Identifier: LGPL-2.1-or-later
 * status-server.c: see status-server.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "status-server.h"
#include "models/gh-error.h"

#ifdef HAVE_SOUP
#include <libsoup/soup.h>
#include <string.h>

#define CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct _GhStatusServer {
  SoupServer *soup;
  guint port;
};

typedef struct {
  char *path;
  GhStatusPage page;
  gpointer data;
} Page;

static void
free_page (gpointer data)
{
  Page *page = data;

  g_free (page->path);
  g_free (page);
}

static void
on_request (SoupServer *soup, SoupServerMessage *message, const char *path, GHashTable *query, gpointer data)
{
  const Page *page = data;
  const char *method = soup_server_message_get_method (message);
  guint status = SOUP_STATUS_OK;
  char *text;

  if (strcmp (path, page->path) != 0) { /* libsoup sends what lies below a path there as well */
    soup_server_message_set_status (message, SOUP_STATUS_NOT_FOUND, NULL);
    return;
  }
  if (strcmp (method, "GET") != 0 && strcmp (method, "HEAD") != 0) {
    soup_server_message_set_status (message, SOUP_STATUS_METHOD_NOT_ALLOWED, NULL);
    return;
  }
  text = page->page (&status, page->data);
  soup_server_message_set_status (message, status, NULL);
  soup_server_message_set_response (message, CONTENT_TYPE, SOUP_MEMORY_TAKE, text, strlen (text));
}

GhStatusServer *
gh_status_server_new (guint port, GError **error)
{
  SoupServer *soup = soup_server_new ("server-header", "gst-heads ", NULL);
  GhStatusServer *server;
  g_autoptr (GError) problem = NULL;
  GSList *uris;

  if (!soup_server_listen_local (soup, port, 0, &problem)) {
    g_set_error (error, GH_ERROR, GH_ERROR_OPEN, "the status page cannot be at port %u: %s; take another --status-port, or 0",
        port, problem->message);
    g_object_unref (soup);
    return NULL;
  }
  server = g_new (GhStatusServer, 1);
  server->soup = soup;
  uris = soup_server_get_uris (soup);
  server->port = g_uri_get_port (uris->data);
  g_slist_free_full (uris, (GDestroyNotify) g_uri_unref);
  return server;
}

void
gh_status_server_free (GhStatusServer *server)
{
  if (!server)
    return;
  soup_server_disconnect (server->soup);
  g_object_unref (server->soup);
  g_free (server);
}

guint
gh_status_server_port (const GhStatusServer *server)
{
  return server->port;
}

void
gh_status_server_add (GhStatusServer *server, const char *path, GhStatusPage page, gpointer data)
{
  Page *entry = g_new (Page, 1);

  *entry = (Page) { g_strdup (path), page, data };
  soup_server_add_handler (server->soup, path, on_request, entry, free_page);
}

#else
GhStatusServer *
gh_status_server_new (guint port, GError **error)
{
  g_set_error (error, GH_ERROR, GH_ERROR_NOT_FOUND, "there is no status page in this build: libsoup 3 was not there "
      "(apt install libsoup-3.0-dev, then configure with -Dlive=enabled)");
  return NULL;
}

void
gh_status_server_free (GhStatusServer *server)
{
}

guint
gh_status_server_port (const GhStatusServer *server)
{
  return 0;
}

void
gh_status_server_add (GhStatusServer *server, const char *path, GhStatusPage page, gpointer data)
{
}
#endif
