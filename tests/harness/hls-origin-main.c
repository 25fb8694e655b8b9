/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * hls-origin-main.c: the origin as a program, for tests that run pipelines and for trying faults by hand:
 *
 *   hls-origin FOLDER [SECONDS [PORT]]     segments of FOLDER, which it makes itself when there are none
 *
 * Prints the port, then serves until its input ends. curl 'http://127.0.0.1:PORT/control?segment=403' makes a fault.
 */
#include "hls-origin.h"

#include <gst/gst.h>
#include <stdio.h>

int
main (int argc, char **argv)
{
  double seconds = argc > 2 ? g_ascii_strtod (argv[2], NULL) : 1;
  guint port = argc > 3 ? (guint) g_ascii_strtoull (argv[3], NULL, 10) : 0;
  g_autoptr (GError) error = NULL;
  g_autofree char *first = NULL;
  HlsOrigin *origin;

  gst_init (&argc, &argv);
  if (argc < 2) {
    fprintf (stderr, "usage: hls-origin FOLDER [SECONDS [PORT]]\n");
    return 2;
  }
  first = g_build_filename (argv[1], "0.ts", NULL);
  if (!g_file_test (first, G_FILE_TEST_EXISTS) && !hls_origin_make_segments (argv[1], 12, seconds, 320)) {
    fprintf (stderr, "SKIP: no H.264 encoder here, or no folder %s\n", argv[1]);
    return 77;
  }
  origin = hls_origin_new (argv[1], NULL, seconds, port, &error);
  if (origin == NULL) {
    fprintf (stderr, "hls-origin: %s\n", error->message);
    return 1;
  }
  printf ("%u\n", hls_origin_port (origin));
  fflush (stdout);
  while (getchar () != EOF) {
  }
  hls_origin_free (origin);
  return 0;
}
