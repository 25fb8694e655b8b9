/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-labels.c: CSV files and the labels in them: what is accepted, and errors that name the line.
 */
#include "models/gh-labels.h"
#include "models/gh-error.h"
#include "tests/models/temp-folder.h"

#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

static GhCsv *
parse (const char *text, GError **error)
{
  return gh_csv_parse (text, strlen (text), "labels.csv", error);
}

/* ---- csv ----------------------------------------------------------------------------------------------- */

static void
test_csv (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GhCsv) csv = parse ("\xef\xbb\xbf" "file, people ,note\r\na.jpg,3,\r\n\n\"b, c.jpg\",\"4\",\"two\nlines, "
      "\"\"quoted\"\"\"\nd.jpg,,x", &error);

  g_assert_no_error (error);
  g_assert_cmpuint (csv->n_columns, ==, 3);
  g_assert_cmpint (gh_csv_column (csv, "people", NULL), ==, 1);
  g_assert_cmpuint (csv->rows->len, ==, 3);
  g_assert_cmpstr (gh_csv_row (csv, 1)->fields[0], ==, "b, c.jpg");
  g_assert_cmpstr (gh_csv_row (csv, 1)->fields[2], ==, "two\nlines, \"quoted\"");
  g_assert_cmpint (gh_csv_row (csv, 1)->line, ==, 4);
  g_assert_cmpint (gh_csv_row (csv, 2)->line, ==, 6);
  g_assert_cmpstr (gh_csv_row (csv, 2)->fields[1], ==, "");
  g_assert_cmpint (gh_csv_column (csv, "cars", &error), ==, -1);
  g_assert_error (error, GH_ERROR, GH_ERROR_DATA);
  g_assert_nonnull (strstr (error->message, "file, people, note"));
}

static void
test_csv_errors (void)
{
  const struct { const char *text, *words; } cases[] = {
    { "", "labels.csv:1: the file is empty" },
    { "\n\n", "the file is empty" },
    { "file,people\na.jpg\n", "labels.csv:2: 1 fields, the header has 2" },
    { "file,people\na.jpg,1\nb.jpg,2,3\n", "labels.csv:3: 3 fields, the header has 2" },
    { "file,people\na.jpg,\"1\nb.jpg,2\n", "labels.csv:2: a quote is opened and never closed" },
    { "file,people\na.jpg,\"1\"2\n", "labels.csv:2: text follows a closing quote" },
    { "file,people\na.jpg,1\"2\n", "labels.csv:2: a quote stands inside unquoted text" },
    { "file,file\n", "labels.csv:1: two columns are named \"file\"" },
    { "file,\n", "labels.csv:1: column 2 has no name" },
    { "file;people\na;1\n", "labels.csv:1: fields are separated by \";\"" },
    { "file\tpeople\na\t1\n", "separated by \"tab\"" },
    { "file,people\na.jpg,\xff\n", "labels.csv:2: not UTF-8 text" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GError) error = NULL;

    g_assert_null (parse (cases[i].text, &error));
    g_assert_error (error, GH_ERROR, GH_ERROR_DATA);
    if (!strstr (error->message, cases[i].words))
      g_error ("\"%s\" does not say \"%s\"", error->message, cases[i].words);
  }
}

/* ---- times --------------------------------------------------------------------------------------------- */

static void
test_times (void)
{
  const struct { const char *text; double minute; } good[] = {
    { "00:00", 0 }, { "23:59", 1439 }, { "7:05", 425 }, { "07:05:30", 425.5 }, { "0", 0 }, { "1207.23", 1207.23 },
    { "2023-06-12T20:07:14", 1207 + 14 / 60.0 }, { "2023-06-12 20:07", 1207 }, { "2023-06-12T20:07:14.5Z", 1207 + 14.5 / 60 },
    { "2023-06-12T20:07:14-07:00", 1207 + 14 / 60.0 }, { "2023-06-12T20:07+0200", 1207 }, { "23:59:60", 0 },
  };
  const char *const bad[] = { "", "24:00", "12:60", "-1", "1440", "noon", "12:5", "2023-06-12", "2023-13-01T10:00",
    "12:00pm", "12:00 ", "nan", "12:00:00+2" };
  double minute;

  for (guint i = 0; i < G_N_ELEMENTS (good); i++) {
    if (!gh_parse_time (good[i].text, &minute))
      g_error ("\"%s\" is refused", good[i].text);
    g_assert_cmpfloat_with_epsilon (minute, good[i].minute, 1e-9);
  }
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    if (gh_parse_time (bad[i], &minute))
      g_error ("\"%s\" is taken as %g", bad[i], minute);
}

/* ---- labels -------------------------------------------------------------------------------------------- */

static GhLabels *
read_labels (const char *text, GhHeadKind kind, const char *group, GError **error)
{
  g_autofree char *folder = temp_folder_new (), *path = g_build_filename (folder, "labels.csv", NULL);
  GhLabels *labels;

  g_assert_true (g_file_set_contents (path, text, -1, NULL));
  labels = gh_labels_read (path, kind, "file", "label", group, error);
  temp_folder_remove (folder);
  return labels;
}

static void
test_labels (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GhLabels) count = read_labels ("file,label,day\na.jpg,3,mon\nb.jpg,,mon\nc.jpg,0.5,tue\nd.jpg,1e1,mon\n",
      GH_HEAD_COUNT, "day", &error);
  g_autoptr (GhLabels) class = read_labels ("label,file\nsunny,a\nrain,b\nsunny,c\n", GH_HEAD_CLASS, NULL, &error);
  const char *const known[] = { "sunny", "snow", "rain", NULL }, *const unknown[] = { "sunny", "snow", NULL };

  g_assert_no_error (error);
  g_assert_cmpuint (count->n, ==, 3);
  g_assert_cmpuint (count->skipped, ==, 1);
  g_assert_cmpstr (count->files[1], ==, "c.jpg");
  g_assert_cmpfloat (count->values[1], ==, 0.5);
  g_assert_cmpfloat (count->values[2], ==, 10);
  g_assert_true (count->groups[0] == count->groups[2] && count->groups[0] != count->groups[1]);
  g_assert_cmpint (count->lines[2], ==, 5);
  g_assert_null (count->classes);

  g_assert_cmpstr (class->classes[0], ==, "rain");
  g_assert_cmpstr (class->classes[1], ==, "sunny");
  g_assert_cmpfloat (class->values[0], ==, 1);
  g_assert_true (gh_labels_use_classes (class, "labels.csv", known, &error));
  g_assert_cmpfloat (class->values[0], ==, 0);
  g_assert_cmpfloat (class->values[1], ==, 2);
  g_assert_false (gh_labels_use_classes (class, "labels.csv", unknown, &error));
  g_assert_nonnull (strstr (error->message, "labels.csv:3: the head knows no class \"rain\""));
}

/* Without a column of names the rows count, also those without a label. */
static void
test_row_numbers (void)
{
  g_autofree char *folder = temp_folder_new (), *path = g_build_filename (folder, "labels.csv", NULL);
  g_autoptr (GhLabels) labels = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_true (g_file_set_contents (path, "label\n4\n\"\"\n5\n", -1, NULL));
  labels = gh_labels_read (path, GH_HEAD_COUNT, NULL, "label", NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (labels->n, ==, 2);
  g_assert_cmpint (labels->skipped, ==, 1);
  g_assert_cmpstr (labels->files[0], ==, "0");
  g_assert_cmpstr (labels->files[1], ==, "2");
  g_assert_cmpfloat (labels->values[1], ==, 5);
  temp_folder_remove (folder);
}

static void
test_label_errors (void)
{
  const struct { GhHeadKind kind; const char *text, *words; } cases[] = {
    { GH_HEAD_COUNT, "file,label\na,1\nb,two\n", "labels.csv:3: \"two\" is not a number" },
    { GH_HEAD_COUNT, "file,label\na,nan\n", "labels.csv:2: \"nan\" is not a number" },
    { GH_HEAD_SCALAR, "file,label\na,inf\n", "\"inf\" is not a number" },
    { GH_HEAD_SCALAR, "file,label\na,1e999\n", "is not a number" },
    { GH_HEAD_COUNT, "file,label\na,-1\n", "labels.csv:2: \"-1\" is a count below zero" },
    { GH_HEAD_TIME, "file,label\na,25:00\n", "labels.csv:2: \"25:00\" is no time of day" },
    { GH_HEAD_COUNT, "file,label\na,1\n,2\n", "labels.csv:3: the column \"file\" is empty" },
    { GH_HEAD_COUNT, "file,label\na,1\nb,2\na,3\n", "labels.csv:4: \"a\" was labelled before, in line 2" },
    { GH_HEAD_COUNT, "file,people\na,1\n", "there is no column \"label\"; there are: file, people" },
    { GH_HEAD_COUNT, "file,label\na,\n", "no row has a label in the column \"label\"" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GError) error = NULL;

    g_assert_null (read_labels (cases[i].text, cases[i].kind, NULL, &error));
    g_assert_error (error, GH_ERROR, GH_ERROR_DATA);
    if (!strstr (error->message, cases[i].words))
      g_error ("\"%s\" does not say \"%s\"", error->message, cases[i].words);
  }
}

static void
test_missing_files (void)
{
  g_autofree char *folder = temp_folder_new (), *there = g_build_filename (folder, "a.jpg", NULL);
  g_autoptr (GhLabels) labels = read_labels ("file,label\na.jpg,1\nb.jpg,2\nc.jpg,3\n", GH_HEAD_COUNT, NULL, NULL);
  g_autoptr (GError) error = NULL;

  g_assert_true (g_file_set_contents (there, "x", 1, NULL));
  g_assert_false (gh_labels_check_files (labels, "labels.csv", folder, &error));
  g_assert_error (error, GH_ERROR, GH_ERROR_NOT_FOUND);
  g_assert_nonnull (strstr (error->message, "2 of its 3 images are not in"));
  g_assert_nonnull (strstr (error->message, "c.jpg (line 4)"));
  g_assert_null (strstr (error->message, "a.jpg"));
  g_clear_error (&error);
  g_assert_false (gh_labels_check_files (labels, "labels.csv", "/nowhere/at/all", &error));
  g_assert_nonnull (strstr (error->message, "/nowhere/at/all"));
  g_clear_error (&error);
  g_assert_null (gh_labels_read ("/nowhere.csv", GH_HEAD_COUNT, "file", "label", NULL, &error));
  g_assert_error (error, GH_ERROR, GH_ERROR_NOT_FOUND);
  temp_folder_remove (folder);
}

static void
test_drop (void)
{
  const guint ends[] = { 0, 3 }, rest[] = { 0, 1 };
  g_autoptr (GhLabels) labels = read_labels ("file,label,day\na,1,x\nb,2,y\nc,3,x\nd,4,y\n", GH_HEAD_COUNT, "day", NULL);
  const int y = labels->groups[1];

  gh_labels_drop (labels, ends, 0);
  g_assert_cmpuint (labels->n, ==, 4);
  gh_labels_drop (labels, ends, 2);
  g_assert_cmpuint (labels->n, ==, 2);
  g_assert_cmpstr (labels->files[0], ==, "b");
  g_assert_cmpstr (labels->files[1], ==, "c");
  g_assert_null (labels->files[2]);
  g_assert_cmpfloat (labels->values[0], ==, 2);
  g_assert_cmpint (labels->lines[1], ==, 4);
  g_assert_cmpint (labels->groups[0], ==, y);
  g_assert_cmpint (labels->groups[1], !=, y);
  gh_labels_drop (labels, rest, 2);
  g_assert_cmpuint (labels->n, ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/csv/accepted", test_csv);
  g_test_add_func ("/csv/refused", test_csv_errors);
  g_test_add_func ("/labels/times", test_times);
  g_test_add_func ("/labels/accepted", test_labels);
  g_test_add_func ("/labels/row-numbers", test_row_numbers);
  g_test_add_func ("/labels/refused", test_label_errors);
  g_test_add_func ("/labels/missing-files", test_missing_files);
  g_test_add_func ("/labels/drop", test_drop);
  return g_test_run ();
}
