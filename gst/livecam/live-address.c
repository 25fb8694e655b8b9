/* SPDX-License-Identifier: LGPL-2.1-or-later
 * live-address.c: see live-address.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "live-address.h"

#include <string.h>

static const gchar *const network[] = { "http", "https", "rtsp", "rtspu", "rtspt", "rtsph", "rtsps", NULL };

static gboolean
has_host (const gchar *uri)
{
  GUri *parsed = g_uri_parse (uri, G_URI_FLAGS_PARSE_RELAXED, NULL);
  const gchar *host = parsed ? g_uri_get_host (parsed) : NULL;
  gboolean has = host != NULL && *host != 0;

  if (parsed)
    g_uri_unref (parsed);
  return has;
}

/* "www.youtube.com/watch?v=ID": no file, but what a browser takes for an address. */
static gboolean
is_address_without_scheme (const gchar *given)
{
  const gchar *slash = strchr (given, '/'), *dot = strchr (given, '.');

  return !gst_uri_is_valid (given) && slash && dot && dot > given && dot < slash - 1
      && !g_file_test (given, G_FILE_TEST_EXISTS);
}

gchar *
live_address_problem (const gchar *given, const gchar *uri)
{
  const gchar *scheme = uri ? g_uri_peek_scheme (uri) : NULL;

  if (uri == NULL)
    return g_strdup ("live-src has no camera: set uri to the page of a live video, an .m3u8, a camera's http:// or rtsp://, or "
        "a file");
  if (is_address_without_scheme (given))
    return g_strdup ("live-src takes uri for a file that is not there; if it is an address, begin it with https://");
  if (scheme && g_strv_contains (network, scheme) && !has_host (uri))
    return g_strdup_printf ("live-src cannot look for a camera, as uri names no host: give uri a host, as in %s://camera/live",
        scheme);
  if (scheme && !g_strv_contains (network, scheme) && !gst_uri_protocol_is_supported (GST_URI_SRC, scheme))
    return g_strdup_printf ("nothing that is installed reads %s:// addresses: uri takes http://, https:// and rtsp:// ones, and "
        "files", scheme);
  return NULL;
}
