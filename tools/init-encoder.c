/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * init-encoder.c: gst-heads init-encoder OUTPUT: an encoder with the random weights training starts from. The same
 * configuration and seed give the same bytes on every machine.
 */
#include "tools.h"
#include "models/gh-encoder.h"

#include <stdio.h>

int
gh_tool_init_encoder (int argc, char **argv)
{
  g_autofree char *config_name = NULL;
  gboolean with_decoder = FALSE, quiet = FALSE;
  gint64 seed = 0;
  const GOptionEntry entries[] = {
    { "config", 'c', 0, G_OPTION_ARG_FILENAME, &config_name,
        "Shape: almacam, almacam-1080p, small, tiny (the default) or a JSON file", "NAME" },
    { "seed", 's', 0, G_OPTION_ARG_INT64, &seed, "Where the random numbers start (0)", "N" },
    { "decoder", 'd', 0, G_OPTION_ARG_NONE, &with_decoder, "Add the decoder, which only training needs", NULL },
    { "quiet", 'q', 0, G_OPTION_ARG_NONE, &quiet, "Print errors only", NULL },
    G_OPTION_ENTRY_NULL
  };
  g_autoptr (GError) error = NULL;
  GhMaeConfig config;
  int status = gh_tool_parse (&argc, &argv, entries, "OUTPUT.safetensors",
      "Writes an encoder with random weights: what training starts from, and enough to try pipelines with.");

  if (status >= 0)
    return status;
  if (argc != 2)
    return gh_tool_fail (GH_EXIT_USAGE, argc < 2 ? "which file shall be written?" : "one file at a time");
  if (!gh_mae_config_load (&config, config_name ? config_name : "tiny", &error))
    return gh_tool_fail (GH_EXIT_USAGE, "%s", error->message);
  if (!gh_encoder_init_file (argv[1], &config, (guint64) seed, with_decoder, &error))
    return gh_tool_fail (GH_EXIT_FAILED, "%s", error->message);
  if (!quiet)
    fprintf (stderr, "%s: %d x %d pixels, %d layers, untrained\n", argv[1], config.width, config.height, config.depth);
  return GH_EXIT_OK;
}
