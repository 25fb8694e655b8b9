/* SPDX-License-Identifier: LGPL-2.1-or-later
 * faulty.c: faulty FAULT: a program with one fault, or none. */
#include <glib.h>

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* More quarks than fit into their first table, which GLib then leaves behind. */
static void
outgrow_quarks (void)
{
  for (int i = 0; i < 5000; i++) {
    char name[32];

    snprintf (name, sizeof name, "faulty-%d", i);
    g_quark_from_string (name);
  }
}

int
main (int argc, char **argv)
{
  const char *fault = argc > 1 ? argv[1] : "none";
  volatile int number = INT_MAX;
  char *volatile block = malloc (16);

  memset (block, argc, 16);
  if (strcmp (fault, "quarks") == 0)
    outgrow_quarks ();
  if (strcmp (fault, "overflow") == 0)
    block[15 + argc] = 1;
  if (strcmp (fault, "undefined") == 0)
    number += argc;
  free (block);
  if (strcmp (fault, "leak") == 0)
    block = malloc (16);
  if (strcmp (fault, "glib") == 0)
    block = g_strdup ("nobody frees this");
  if (strcmp (fault, "table-like") == 0)
    block = g_malloc (16384);
  block = NULL;
  puts ("said");
  return strcmp (fault, "status") == 0 ? 7 : number == 0;
}
