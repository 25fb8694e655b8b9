#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-install.sh GST_HEADS BUILD: "meson install" puts everything where it belongs, an application compiles against the
# installed library by pkg-config, and the installed plugins load.
gst_heads=$(realpath "$1")
build=$(realpath "$2")
. "$(dirname -- "$0")/check.sh"

if ! command -v meson >/dev/null; then
  echo "SKIP: no meson on the path"
  exit 77
fi
expect 0 meson install -C "$build" --no-rebuild --quiet --destdir "$folder/root"

# found PATTERN: exactly what is installed under this name, wherever the prefix is. Sets path.
found () {
  path=$(find root -path "*$1" | head -n 1)
  [ -n "$path" ] || bad "not installed: $1"
}

for file in gstreamer-1.0/libgstmae.so gstreamer-1.0/libgstheads.so gstreamer-1.0/libgstlivecam.so \
    gstreamer-1.0/gst/heads/heads.h pkgconfig/gstreamer-heads-1.0.pc gst-heads/pipelines/predict-live.pipeline \
    gst-heads/models/tiny.json gst-heads/models/almacam-tiny.safetensors gst-heads/models/default.safetensors; do
  found "/$file"
done

# The unit, with a program that is there.
found '/systemd/system/gst-heads@.service'
grep -q '^ExecStart=/.*/gst-heads run --status-port=' "$path" || bad "the unit runs something else"
if command -v systemd-analyze >/dev/null; then
  sed 's|^ExecStart=[^ ]*|ExecStart=/bin/true|; /^Documentation=/d' "$path" >gst-heads@camera.service
  expect 0 systemd-analyze verify --man=no ./gst-heads@camera.service
  [ ! -s err ] || bad "the unit is not sound"
else
  echo "without systemd-analyze: the unit is not verified"
fi

# Headers that are installed need nothing that is not.
cat >app.c <<'END'
#include <gst/heads/heads.h>
int main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  gst_head_predictions_meta_register ();
  gst_mae_embedding_meta_register ();
  return 0;
}
END
found /pkgconfig/gstreamer-heads-1.0.pc
libdir=$(dirname "$(dirname "$path")")
found /gstreamer-1.0/gst/heads/heads.h
include=${path%/gst/heads/heads.h}
flags=$(PKG_CONFIG_PATH="$libdir/pkgconfig" pkg-config --cflags --libs gstreamer-heads-1.0 2>err) \
  || bad "pkg-config does not know gstreamer-heads-1.0"
# shellcheck disable=SC2086 # a list of options
limited cc app.c -o app -I"$include" -L"$libdir" -Wl,-rpath,"$folder/$libdir" $flags 2>err \
  || bad "an application does not compile"
expect 0 ./app

# The installed plugins, not those of the build.
GST_PLUGIN_PATH_1_0=$folder/$libdir/gstreamer-1.0 GST_REGISTRY_1_0=$folder/registry LD_LIBRARY_PATH=$folder/$libdir
export GST_PLUGIN_PATH_1_0 GST_REGISTRY_1_0 LD_LIBRARY_PATH
found /gst-heads/models/default.safetensors
GST_HEADS_MODEL_PATH=$folder/$(dirname "$path")
export GST_HEADS_MODEL_PATH
expect 0 "$gst_heads" doctor
out_has 'ok      head-overlay'
found /bin/gst-heads
expect 0 "$path" run predict-plaza N=2 SINK=fakesink
out_has '"people"'
finish
