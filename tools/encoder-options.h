/* SPDX-License-Identifier: LGPL-2.1-or-later
 * encoder-options.h: the options with which tools name an encoder and where it runs. */
#pragma once

#include "models/gh-encoder.h"

G_BEGIN_DECLS

typedef struct {
  char *file, *device, *precision;      /* NULL: the default */
  int threads;
} GhEncoderOptions;

#define GH_ENCODER_OPTION_ENTRIES(options) \
    { "encoder", 'e', 0, G_OPTION_ARG_FILENAME, &(options)->file, \
        "Encoder: a safetensors file or the name of a shipped one (default)", "FILE|NAME" }, \
    { "device", 0, 0, G_OPTION_ARG_STRING, &(options)->device, "Where it runs: auto, cpu, ref, cuda (auto)", "NAME" }, \
    { "precision", 0, 0, G_OPTION_ARG_STRING, &(options)->precision, \
        "How it multiplies: auto, f32, bf16, int16, int8 (auto)", "NAME" }, \
    { "threads", 0, 0, G_OPTION_ARG_INT, &(options)->threads, "Processors to use (0: all)", "N" }

/* GH_ERROR_UNSUITABLE for a device or precision that does not exist. */
gboolean gh_encoder_options_resolve (const GhEncoderOptions *options, GhDevice *device, GhPrecision *precision,
    GError **error);
/* GH_ERROR_UNSUITABLE for a device or precision that does not exist, else as gh_encoder_load(). */
GhEncoder *gh_encoder_options_load (const GhEncoderOptions *options, GError **error);
/* The file's name without folders. */
char *gh_encoder_file_name (const GhEncoder *encoder);
void gh_encoder_options_clear (GhEncoderOptions *options);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (GhEncoderOptions, gh_encoder_options_clear)

G_END_DECLS
