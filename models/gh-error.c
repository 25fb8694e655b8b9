/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gh-error.c: the error domain of models/.
 */
#include "gh-error.h"

G_DEFINE_QUARK (gh-error-quark, gh_error)
