/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * hostile-cases.h (part of hostile-models.c): the defects that are one edit of a sound file's header or configuration.
 *
 * A header template puts the parts of the sound header together again with one thing wrong:
 *   $M  the metadata entry            $F  the first tensor's entry      $R  the other tensors' entries, comma in front
 *   $N  the first tensor's name       $U  the same, first letter as \u escape
 *   $D  its dtype    $S  its dimensions    $B, $E  where it begins and ends
 *   $L  a name of 257 letters         $0  a NUL byte
 */
#pragma once

#include <glib.h>

#define JSON_OF_FIRST(dtype, shape, offsets) \
  "{$M,\"$N\":{\"dtype\":" dtype ",\"shape\":" shape ",\"data_offsets\":" offsets "}$R}"
#define HEADER_WITH(entry) "{$M," entry ",$F$R}"
#define METADATA(object) "{\"__metadata__\":" object ",$F$R}"

typedef struct {
  const char *defect, *template, *reason;
} HeaderCase;

static const HeaderCase header_cases[] = {
  /* The type. */
  {"dtype-unknown", JSON_OF_FIRST ("\"F33\"", "[$S]", "[$B,$E]"), "unknown dtype \"F33\""},
  {"dtype-lower-case", JSON_OF_FIRST ("\"f32\"", "[$S]", "[$B,$E]"), "unknown dtype"},
  {"dtype-number", JSON_OF_FIRST ("32", "[$S]", "[$B,$E]"), "expected a string, found a number"},
  {"dtype-null", JSON_OF_FIRST ("null", "[$S]", "[$B,$E]"), "expected a string, found null"},
  {"dtype-half-size", JSON_OF_FIRST ("\"F16\"", "[$S]", "[$B,$E]"), "its shape and dtype need"},
  {"dtype-integer", JSON_OF_FIRST ("\"I32\"", "[$S]", "[$B,$E]"), "is of type I32"},
  /* The shape. */
  {"shape-negative", JSON_OF_FIRST ("\"F32\"", "[-$S]", "[$B,$E]"), "found a negative number"},
  {"shape-fraction", JSON_OF_FIRST ("\"F32\"", "[1.0,$S]", "[$B,$E]"), "fraction or exponent"},
  {"shape-exponent", JSON_OF_FIRST ("\"F32\"", "[1e0,$S]", "[$B,$E]"), "fraction or exponent"},
  {"shape-leading-zero", JSON_OF_FIRST ("\"F32\"", "[01,$S]", "[$B,$E]"), "leading zero"},
  {"shape-plus-sign", JSON_OF_FIRST ("\"F32\"", "[+1,$S]", "[$B,$E]"), "not JSON"},
  {"shape-hexadecimal", JSON_OF_FIRST ("\"F32\"", "[0x1,$S]", "[$B,$E]"), "not JSON"},
  {"shape-string", JSON_OF_FIRST ("\"F32\"", "[\"1\",$S]", "[$B,$E]"), "found a string"},
  {"shape-null", JSON_OF_FIRST ("\"F32\"", "null", "[$B,$E]"), "expected an array, found null"},
  {"shape-number", JSON_OF_FIRST ("\"F32\"", "7", "[$B,$E]"), "expected an array, found a number"},
  {"shape-nested", JSON_OF_FIRST ("\"F32\"", "[[$S]]", "[$B,$E]"), "found an array"},
  {"shape-deeply-nested", JSON_OF_FIRST ("\"F32\"", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "[$B,$E]"), "found an array"},
  {"shape-trailing-comma", JSON_OF_FIRST ("\"F32\"", "[$S,]", "[$B,$E]"), "found a closing bracket"},
  {"shape-product-overflow", JSON_OF_FIRST ("\"F32\"", "[4294967296,4294967296,$S]", "[$B,$E]"), "overflows"},
  {"shape-bytes-overflow", JSON_OF_FIRST ("\"F32\"", "[4611686018427387904]", "[$B,$E]"), "overflows"},
  {"shape-wraps-to-fit", JSON_OF_FIRST ("\"F32\"", "[9223372036854775807,2,$S]", "[$B,$E]"), "overflows"},
  {"shape-beyond-63-bits", JSON_OF_FIRST ("\"F32\"", "[9223372036854775808,$S]", "[$B,$E]"), "beyond 63 bits"},
  {"shape-beyond-64-bits", JSON_OF_FIRST ("\"F32\"", "[18446744073709551617,$S]", "[$B,$E]"), "does not fit 64 bits"},
  {"shape-rank-9", JSON_OF_FIRST ("\"F32\"", "[1,1,1,1,1,1,1,1,$S]", "[$B,$E]"), "more than 8 dimensions"},
  {"shape-too-large", JSON_OF_FIRST ("\"F32\"", "[2,$S]", "[$B,$E]"), "its shape and dtype need"},
  {"shape-too-small", JSON_OF_FIRST ("\"F32\"", "[]", "[$B,$E]"), "its shape and dtype need"},
  /* Where it lies. */
  {"offsets-negative", JSON_OF_FIRST ("\"F32\"", "[$S]", "[-$B,$E]"), "found a negative number"},
  {"offsets-fraction", JSON_OF_FIRST ("\"F32\"", "[$S]", "[$B.5,$E]"), "fraction or exponent"},
  {"offsets-one", JSON_OF_FIRST ("\"F32\"", "[$S]", "[$E]"), "fewer than two data_offsets"},
  {"offsets-three", JSON_OF_FIRST ("\"F32\"", "[$S]", "[$B,$E,$E]"), "more than two data_offsets"},
  {"offsets-swapped", JSON_OF_FIRST ("\"F32\"", "[$S]", "[$E,$B]"), "ends before it begins"},
  {"offsets-beyond-the-file", JSON_OF_FIRST ("\"F32\"", "[$S]", "[$B,9999999999$E]"), "bytes into the data"},
  {"offsets-2-to-64", JSON_OF_FIRST ("\"F32\"", "[$S]", "[$B,18446744073709551616]"), "does not fit 64 bits"},
  {"offsets-object", JSON_OF_FIRST ("\"F32\"", "[$S]", "{\"b\":$B}"), "expected an array, found an object"},
  {"overlap-same-bytes", HEADER_WITH ("\"zz\":{\"dtype\":\"$D\",\"shape\":[$S],\"data_offsets\":[$B,$E]}"), "overlaps"},
  {"overlap-inside", HEADER_WITH ("\"zz\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[2,6]}"), "overlaps"},
  {"hole-for-a-tensor", "{$M$R}", "there is a hole"},
  {"hole-for-all-tensors", "{$M}", "bytes after the last tensor"},
  /* The keys of an entry. */
  {"key-unknown", HEADER_WITH ("\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0],\"strides\":[1]}"),
      "unknown key \"strides\""},
  {"key-dtype-missing", HEADER_WITH ("\"a\":{\"shape\":[0],\"data_offsets\":[0,0]}"), "tensor \"a\": no dtype"},
  {"key-shape-missing", HEADER_WITH ("\"a\":{\"dtype\":\"U8\",\"data_offsets\":[0,0]}"), "tensor \"a\": no shape"},
  {"key-offsets-missing", HEADER_WITH ("\"a\":{\"dtype\":\"U8\",\"shape\":[0]}"), "tensor \"a\": no data_offsets"},
  {"key-dtype-twice", HEADER_WITH ("\"a\":{\"dtype\":\"U8\",\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}"),
      "\"dtype\" stands there twice"},
  {"entry-empty", HEADER_WITH ("\"a\":{}"), "tensor \"a\": no dtype"},
  {"entry-null", HEADER_WITH ("\"a\":null"), "expected an object, found null"},
  {"entry-array", HEADER_WITH ("\"a\":[]"), "expected an object, found an array"},
  /* Names. */
  {"name-twice", HEADER_WITH ("$F"), "stands there twice"},
  {"name-twice-escaped", HEADER_WITH ("\"$U\":{\"dtype\":\"$D\",\"shape\":[$S],\"data_offsets\":[$B,$E]}"),
      "stands there twice"},
  {"name-empty", HEADER_WITH ("\"\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}"), "an empty name"},
  {"name-too-long", HEADER_WITH ("\"$L\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}"), "longer than 256"},
  {"name-raw-nul", HEADER_WITH ("\"a$0b\":{}"), "NUL byte"},
  {"name-escaped-nul", HEADER_WITH ("\"a\\u0000b\":{}"), "escaped NUL"},
  {"name-escaped-control", HEADER_WITH ("\"\\u001b[2Ja\":{}"), "control character"},
  {"name-raw-newline", HEADER_WITH ("\"a\nb\":{}"), "raw control character"},
  {"name-invalid-utf8", HEADER_WITH ("\"\xc3(\":{}"), "not valid UTF-8"},
  {"name-overlong-utf8", HEADER_WITH ("\"\xc0\x80\":{}"), "not valid UTF-8"},
  {"name-lone-surrogate", HEADER_WITH ("\"\\ud800\":{}"), "half a surrogate pair"},
  {"name-wrong-surrogate", HEADER_WITH ("\"\\ud800\\u0041\":{}"), "half a surrogate pair"},
  {"name-unknown-escape", HEADER_WITH ("\"\\x41\":{}"), "escape that JSON does not have"},
  {"name-short-escape", HEADER_WITH ("\"\\u12\":{}"), "four hexadecimal digits"},
  {"name-number", HEADER_WITH ("1:{}"), "expected a name in quotes"},
  {"name-single-quotes", HEADER_WITH ("'a':{}"), "expected a name in quotes"},
  /* Metadata. */
  {"metadata-twice", "{$M,$M,$F$R}", "__metadata__ stands there twice"},
  {"metadata-twice-escaped", "{\"\\u005f_metadata__\":{},$M,$F$R}", "__metadata__ stands there twice"},
  {"metadata-key-twice", METADATA ("{\"a\":\"1\",\"\\u0061\":\"2\"}"), "\"a\" stands there twice in the metadata"},
  {"metadata-null", METADATA ("null"), "expected an object, found null"},
  {"metadata-array", METADATA ("[]"), "expected an object, found an array"},
  {"metadata-number", METADATA ("{\"config\":1}"), "expected a string, found a number"},
  {"metadata-object", METADATA ("{\"config\":{}}"), "expected a string, found an object"},
  {"metadata-escaped-nul", METADATA ("{\"config\":\"{\\u0000}\"}"), "escaped NUL"},
  {"metadata-key-empty", METADATA ("{\"\":\"1\"}"), "an empty name in the metadata"},
  /* The whole. */
  {"header-not-json", "Some words.", "does not begin with an opening brace"},
  {"header-array", "[$M]", "does not begin with an opening brace"},
  {"header-byte-order-mark", "\xef\xbb\xbf{$M,$F$R}", "does not begin with an opening brace"},
  {"header-leading-space", " {$M,$F$R}", "does not begin with an opening brace"},
  {"header-trailing-text", "{$M,$F$R}x", "follows the JSON text"},
  {"header-two-objects", "{$M,$F$R}{}", "follows the JSON text"},
  {"header-trailing-nul", "{$M,$F$R}$0", "NUL byte"},
  {"header-trailing-comma", "{$M,$F$R,}", "found a closing brace"},
  {"header-unclosed", "{$M,$F$R", "the end of the text"},
  {"header-unclosed-string", "{$M,$F$R,\"abc", "a string is cut short"},
  {"header-comment", "{/* hello */$M,$F$R}", "expected a name in quotes"},
  {"header-missing-colon", "{\"a\" {}}", "expected a colon"},
};

/* Edits of the configuration: the value of `key` becomes `value`. */
static const struct {
  const char *defect, *key, *value, *reason;
} config_cases[] = {
  {"config-absurd-height", "height", "1000000000", "\"height\": 1000000000 is outside"},
  {"config-absurd-patch", "patch", "1000000000", "\"patch\": 1000000000 is outside"},
  {"config-absurd-dim", "dim", "1000000000", "\"dim\": 1000000000 is outside"},
  {"config-absurd-depth", "depth", "1000000000", "\"depth\": 1000000000 is outside"},
  {"config-absurd-heads", "heads", "1000000000", "\"heads\": 1000000000 is outside"},
  {"config-absurd-mlp", "mlp", "99999999999999999999999", "does not fit 64 bits"},
  {"config-absurd-embedding", "embedding", "1000000000", "\"embedding\": 1000000000 is outside"},
  {"config-zero-heads", "heads", "0", "\"heads\": 0 is outside"},
  {"config-zero-patch", "patch", "0", "\"patch\": 0 is outside"},
  {"config-zero-depth", "depth", "0", "\"depth\": 0 is outside"},
  {"config-negative-dim", "dim", "-16", "found a negative number"},
  {"config-fraction", "dim", "16.0", "fraction or exponent"},
  {"config-string", "dim", "\"16\"", "found a string"},
  {"config-null", "dim", "null", "found null"},
  {"config-nan", "eps", "NaN", "expected a number"},
  {"config-zero-eps", "eps", "0", "\"eps\": 0 is outside"},
  {"config-infinite-eps", "eps", "1e999", "too large"},
  {"config-zero-std", "std", "[0.2, 0, 0.2]", "\"std\": 0 is outside"},
  {"config-two-means", "mean", "[0.2, 0.2]", "fewer than three"},
  {"config-unknown-pool", "pool", "\"max\"", "\"pool\": \"max\" is none of"},
  {"config-cls-without-token", "pool", "\"cls\"", "without a cls token"},
  {"config-even-conv", "conv", "4", "\"conv\": 4 is neither odd"},
  {"config-indivisible-dim", "dim", "18", "does not divide by 4"},
  {"config-mask-ratio", "mask_ratio", "1", "\"mask_ratio\": 1 is outside"},
  {"config-unknown-key", "dim", "16, \"colour\": 1", "unknown key \"colour\""},
  {"config-key-twice", "dim", "16, \"dim\": 16", "\"dim\" stands there twice"},
  {"config-other-dim", "dim", "32", NULL},
  {"config-other-depth", "depth", "2", NULL},
  {"config-other-patch", "patch", "8", NULL},
  {"config-other-mlp", "mlp", "36", NULL},
  {"config-no-conv", "conv", "0", NULL},
};
