/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstmaeenums.c: names and nicks of devices and precisions. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstmaeenums.h"

#include "models/gh-encoder.h"

GType
gst_mae_device_get_type (void)
{
  static gsize type = 0;
  static const GEnumValue values[] = {
    {GH_DEVICE_AUTO, "GST_HEADS_DEVICE from the environment, else the best that works", "auto"},
    {GH_DEVICE_REF, "Plain C: slow, the yardstick of the others", "ref"},
    {GH_DEVICE_CPU, "The processor's vector instructions", "cpu"},
    {GH_DEVICE_CUDA, "An NVIDIA GPU", "cuda"},
    {0, NULL, NULL}
  };

  if (g_once_init_enter (&type))
    g_once_init_leave (&type, g_enum_register_static ("GstMaeDevice", values));
  return type;
}

GType
gst_mae_precision_get_type (void)
{
  static gsize type = 0;
  static const GEnumValue values[] = {
    {GH_PRECISION_AUTO, "The fastest that stays within 2 % of f32 on the device", "auto"},
    {GH_PRECISION_F32, "32-bit floating point", "f32"},
    {GH_PRECISION_BF16, "bfloat16 products, 32-bit sums", "bf16"},
    {GH_PRECISION_INT16, "12-bit block fixed-point products, exact sums", "int16"},
    {GH_PRECISION_INT8, "8-bit integer products, exact sums", "int8"},
    {0, NULL, NULL}
  };

  if (g_once_init_enter (&type))
    g_once_init_leave (&type, g_enum_register_static ("GstMaePrecision", values));
  return type;
}
