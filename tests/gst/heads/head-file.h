/* SPDX-License-Identifier: LGPL-2.1-or-later
 * head-file.h: small head files for tests, written by models/ itself. */
#pragma once

#include "models/gh-head.h"

G_BEGIN_DECLS

/* The encoder the heads are for, unless another is asked for. */
#define HEAD_FILE_ENCODER_ID "0123456789abcdef"
#define HEAD_FILE_DIM 6

/* folder/file.safetensors: a head that computes S = bias + sum (i + 1) * embedding[i] and says S (scalar, count), the
 * angle of (cos, sin) = (S, 0) (time: 00:00 or 12:00), or "day" when S > 0, else "night" (class). encoder_id NULL:
 * HEAD_FILE_ENCODER_ID. Aborts when it cannot. The caller frees the path. */
gchar *head_file_write (const gchar *folder, const gchar *file, const gchar *task, GhHeadKind kind, gfloat bias,
    const gchar *encoder_id);

G_END_DECLS
