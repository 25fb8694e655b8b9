/* SPDX-License-Identifier: LGPL-2.1-or-later
 * head-report.h: how the tools say in words how good a head is. */
#pragma once

#include "models/gh-head-train.h"

G_BEGIN_DECLS

/* Mean distance of predicted[n] to labels[n], with the middle 95 % of 2000 bootstrap draws. */
typedef struct {
  double error, low, high;
} GhErrorInterval;

GhErrorInterval gh_error_interval (GhHeadKind kind, const double *labels, const double *predicted, int n,
    guint64 seed);

/* "0.84 people", "12.3 minutes", "8.1 %" (of classes wrong); number alone with unit FALSE. */
char *gh_error_to_string (GhHeadKind kind, const char *unit, double error, gboolean with_unit);

/* "0.84 people (95 %: 0.76 to 0.92)" */
char *gh_interval_to_string (GhHeadKind kind, const char *unit, double error, double low, double high);

G_END_DECLS
