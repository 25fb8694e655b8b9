# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the comparisons with PyTorch share: an interpreter that has it, and our side of the comparison."""
import os
import subprocess
import sys

SKIP = 77


def skip(why):
    print('skipped:', why)
    sys.exit(SKIP)


def need(*modules):
    """Imports the modules, or starts the script again in $GST_HEADS_TEST_PYTHON, or skips."""
    import importlib
    try:
        return [importlib.import_module(m) for m in modules]
    except ImportError as e:
        other = os.environ.pop('GST_HEADS_TEST_PYTHON', None)
        if other:
            try:
                os.execv(other, [other] + sys.argv)
            except OSError as failure:
                skip('GST_HEADS_TEST_PYTHON=%s: %s' % (other, failure))
        skip('%s (set GST_HEADS_TEST_PYTHON to a python3 that has %s)' % (e, ', '.join(modules)))


def shared(*path):
    """A file of the reference material, or skips."""
    file = os.path.join(os.environ.get('GST_HEADS_SHARED', ''), *path)
    if not os.path.exists(file):
        skip('there is no %s (set GST_HEADS_SHARED)' % file)
    return file


def encode(program, model, frame, precision, folder, noise=None):
    """Our embedding and tokens of one frame [height, width, 3] of uint8, as one flat float32 array; with noise the
    prediction of the patches it hides."""
    import numpy
    raw, out, hide = (os.path.join(folder, name) for name in ('frame.rgb', 'out.f32', 'noise.f32'))
    frame.tofile(raw)
    if noise is not None:
        noise.astype('<f4').tofile(hide)
    subprocess.run([program, model, raw, precision, out] + ([] if noise is None else [hide]), check=True)
    return numpy.fromfile(out, '<f4')


def error(got, want):
    """Relative in the Euclidean norm, and the worst number over the largest: the larger of the two."""
    import numpy
    d, want = got.astype('f8') - want, want.astype('f8')
    return max(numpy.linalg.norm(d) / numpy.linalg.norm(want), abs(d).max() / abs(want).max())


def judge(what, got, want, tolerance):
    e = error(got, want)
    ok = e < tolerance                                      # also catches NaN
    print('%-4s %s: off by %.2e, allowed %.0e' % ('ok' if ok else 'FAIL', what, e, tolerance))
    return ok
