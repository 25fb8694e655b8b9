#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The encoder on a GPU beside PyTorch in one run: gst-heads, PyTorch (eager, compiled, and compiled into CUDA graphs),
then gst-heads again, on the same weights and frame, with the frames on the device already.

usage: peers-device.py BENCH_DEVICE [--batch=1,64] [--rounds=N] [--config=NAME] [--only=f32|bf16]

Medians; ours is the slower of its two runs. "peak" is an 8192-cube product in bfloat16 by PyTorch (cuBLAS), same run.
"""
import json
import logging
import os
import subprocess
import sys
import tempfile
import warnings

import numpy as np

import peers


def median_ms(torch, run, rounds):
    times = []
    for _ in range(rounds):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        run()
        end.record()
        end.synchronize()
        times.append(start.elapsed_time(end))
    return float(np.median(times))


def peak_tflops(torch, dtype):
    n = 8192
    a, b = (torch.randn(n, n, device="cuda", dtype=dtype) for _ in range(2))
    for _ in range(3):
        a @ b
    return 2 * n ** 3 / median_ms(torch, lambda: a @ b, 10) / 1e9


def copy_gbs(torch):
    a = torch.empty(1 << 30, dtype=torch.uint8, device="cuda")
    b = torch.empty_like(a)
    b.copy_(a)
    return 2 * a.numel() / median_ms(torch, lambda: b.copy_(a), 10) / 1e6


def pytorch(torch, c, w, frame, batch, rounds, only):
    x = torch.from_numpy(frame).to("cuda").expand(batch, -1, -1, -1).contiguous()
    rows = []
    for precision in ("f32", only) if only == "bf16" else (only,) if only else ("f32", "bf16"):
        for kind, mode in (("eager", None), ("compiled", "default"), ("compiled, graphs", "reduce-overhead")):
            if only == "bf16" and precision == "f32" and (mode or batch > 1):
                continue                        # float32 is then there to compare with
            try:
                model = peers.build(torch, c, w).to("cuda")
                if precision == "bf16":         # weights in bfloat16: faster than autocast
                    inner = model.bfloat16()
                    inner.mean, inner.std = inner.mean.float(), inner.std.float()
                    forward = inner.patch.forward
                    inner.patch.forward = lambda v, f=forward: f(v.bfloat16())
                run = torch.compile(model, mode=mode) if mode else model
                for _ in range(4):
                    out = run(x)
                torch.cuda.synchronize()
                out = out.float().cpu().numpy()[0]
                rows.append((kind, precision, batch, median_ms(torch, lambda: run(x), rounds), out))
                print("  PyTorch %-18s %-5s batch %3d %9.3f ms" % rows[-1][:4], flush=True)
            except Exception as e:              # a peer that cannot do it is left out, with its reason
                print("  PyTorch %-18s %-5s batch %3d left out: %s" % (
                    kind, precision, batch, (str(e) or type(e).__name__).splitlines()[0]), flush=True)
    return rows


def ours(bench, options, folder):
    arguments = ["--%s=%s" % (k, options[k]) for k in ("batch", "rounds", "config", "only") if k in options]
    out = subprocess.run([bench, "--keep=" + folder] + arguments, check=True, capture_output=True, text=True).stdout
    print(out, flush=True)
    return {(r["precision"], r["batch"]): r for r in map(json.loads, out.splitlines())}


def main():
    import torch
    options = dict(a[2:].split("=", 1) for a in sys.argv[2:])
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    torch.set_grad_enabled(False)
    print(torch.cuda.get_device_name(), "PyTorch", torch.__version__)
    peak = {"bf16": peak_tflops(torch, torch.bfloat16), "f32": peak_tflops(torch, torch.float32)}
    print("peak: bf16 %.0f TFLOP/s, f32 %.1f TFLOP/s; copy %.0f GB/s" % (peak["bf16"], peak["f32"], copy_gbs(torch)))
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        before = ours(sys.argv[1], options, folder)
        c, w = peers.load(os.path.join(folder, "encoder.safetensors"))
        frame = np.fromfile(os.path.join(folder, "frame.rgb"), np.uint8).reshape(1, c["height"], c["width"], 3)
        for batch in sorted({b for _, b in before}):
            rows += pytorch(torch, c, w, frame, batch, int(options.get("rounds", 30)), options.get("only"))
        after = ours(sys.argv[1], options, folder)
    first = next((r[4] for r in rows if r[1] == "f32"), None)
    print("\n%-5s %5s %10s %10s %9s %8s %10s %9s" % (
        "type", "batch", "device ms", "whole ms", "TFLOP/s", "of peak", "peer ms", "faster"))
    for key in before:
        mine = max(before[key]["device_ms"], after[key]["device_ms"])
        rate = before[key]["gflop"] * key[1] / mine
        theirs = min([r[3] for r in rows if (r[1], r[2]) == key] or [float("nan")])
        print("%-5s %5d %10.3f %10.3f %9.1f %7.1f%% %10.3f %8.2fx" % (
            key + (mine, max(before[key]["ms"], after[key]["ms"]), rate, rate / peak[key[0]] * 100, theirs,
                   theirs / mine)))
    for kind, precision, batch, _, out in rows:
        print("PyTorch %s %s batch %d: %.1e from its float32" % (
            kind, precision, batch, np.linalg.norm(out - first) / np.linalg.norm(first)))


main()
