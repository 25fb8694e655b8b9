#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The encoder beside its peers in one run: gst-heads, then PyTorch (eager and compiled, every precision it offers on a
CPU) and ONNX Runtime (float32, int8), then gst-heads again, on the same weights, frame and threads.

usage: peers.py BENCH_ENCODER [--rounds=N] [--only=pytorch|onnxruntime]

Medians; ours is the slower of its two runs. A precision that moves the embedding by more than 5 % is shown, not counted.
A peer that is not installed, or refuses, is named and left out. The model
is written here from the published formulas; "error" is the distance of a peer's embedding from the first float32 one.
"""
import json
import logging
import os
import re
import subprocess
import sys
import tempfile
import time
import warnings

import numpy as np


# A peer whose embedding is further from float32 than this has not done the work.
USABLE = 0.05


def load(path):
    with open(path, "rb") as f:
        n = int.from_bytes(f.read(8), "little")
        head = json.loads(f.read(n))
        body = f.read()
    meta = head.pop("__metadata__")
    weights = {}
    for name, t in head.items():
        b, e = t["data_offsets"]
        if t["dtype"] == "F32":
            a = np.frombuffer(body[b:e], dtype="<f4")
        elif t["dtype"] == "BF16":
            a = (np.frombuffer(body[b:e], dtype="<u2").astype(np.uint32) << 16).view(np.float32)
        else:
            raise ValueError("%s: dtype %s" % (name, t["dtype"]))
        weights[name] = a.reshape(t["shape"]).copy()
    return json.loads(meta["config"]), weights


def sincos(rows, cols, dim):
    q = dim // 4
    w = 10000.0 ** (-np.arange(q) / q)
    y, x = np.divmod(np.arange(rows * cols), cols)
    ax, ay = x[:, None] * w, y[:, None] * w
    return np.concatenate([np.sin(ax), np.cos(ax), np.sin(ay), np.cos(ay)], 1).astype(np.float32)


def build(torch, c, w):
    F = torch.nn.functional

    def linear(weight, bias):
        m = torch.nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None)
        m.weight.data = torch.from_numpy(weight)
        if bias is not None:
            m.bias.data = torch.from_numpy(bias)
        return m

    def norm(name):
        m = torch.nn.LayerNorm(w[name + ".weight"].shape[0], c["eps"])
        m.weight.data, m.bias.data = torch.from_numpy(w[name + ".weight"]), torch.from_numpy(w[name + ".bias"])
        return m

    class Block(torch.nn.Module):
        def __init__(self, i):
            super().__init__()
            p = "blocks.%d." % i
            g = lambda name: linear(w[p + name + ".weight"], w.get(p + name + ".bias"))
            self.norm1, self.norm2 = norm(p + "norm1"), norm(p + "norm2")
            self.qkv, self.out, self.fc1, self.fc2 = g("attn.qkv"), g("attn.out"), g("mlp.fc1"), g("mlp.fc2")
            conv = w.get(p + "attn.conv")
            self.conv = torch.nn.Parameter(torch.from_numpy(conv.reshape(c["heads"], 1, -1, 1))) if conv is not None else None

        def forward(self, x):
            b, n, _ = x.shape
            q, k, v = self.qkv(self.norm1(x)).reshape(b, n, 3, c["heads"], c["head_dim"]).permute(2, 0, 3, 1, 4)
            o = F.scaled_dot_product_attention(q, k, v)
            if self.conv is not None:
                o = o + F.conv2d(v, self.conv, padding=(self.conv.shape[2] // 2, 0), groups=c["heads"])
            x = x + self.out(o.transpose(1, 2).reshape(b, n, -1))
            return x + self.fc2(F.gelu(self.fc1(self.norm2(x))))

    class Encoder(torch.nn.Module):
        def __init__(self):
            super().__init__()
            p = c["patch"]
            self.rows, self.cols = -(-c["height"] // p), -(-c["width"] // p)
            self.patch, self.embed = linear(w["patch.weight"], w["patch.bias"]), linear(w["embed.weight"], w["embed.bias"])
            self.blocks = torch.nn.ModuleList(Block(i) for i in range(c["depth"]))
            self.norm = norm("norm")
            self.register_buffer("pos", torch.from_numpy(sincos(self.rows, self.cols, c["dim"])))
            self.register_buffer("mean", torch.tensor(c["mean"]))
            self.register_buffer("std", torch.tensor(c["std"]))

        def forward(self, rgb):                      # uint8 [B, H, W, 3]
            p = c["patch"]
            x = (rgb.float() / 255 - self.mean) / self.std
            x = F.pad(x, (0, 0, 0, self.cols * p - c["width"], 0, self.rows * p - c["height"]))
            x = x.reshape(-1, self.rows, p, self.cols, p, 3).permute(0, 1, 3, 2, 4, 5)
            x = self.patch(x.reshape(-1, self.rows * self.cols, p * p * 3)) + self.pos
            for block in self.blocks:
                x = block(x)
            x = self.norm(x)
            pooled = x.mean(1)
            if c["pool"] == "mean+std":
                pooled = torch.cat([pooled, x.std(1, unbiased=False)], 1)
            return self.embed(pooled)

    return Encoder().eval()


def measure(rows, peer, precision, run, repeats):
    try:
        out = run()
        run()
        times = []
        for _ in range(repeats):
            t = time.perf_counter()
            out = run()
            times.append((time.perf_counter() - t) * 1e3)
        rows.append((peer, precision, float(np.median(times)), np.asarray(out, dtype=np.float32).reshape(-1)))
        print("  %-22s %-14s %9.2f ms" % rows[-1][:3], flush=True)
    except Exception as e:                           # a peer that cannot do it is left out, with its reason
        print("  %-22s %-14s left out: %s" % (peer, precision, (str(e) or type(e).__name__).splitlines()[0]), flush=True)


def pytorch(rows, c, w, frame, threads, repeats):
    import torch
    torch.set_num_threads(threads)
    torch.set_grad_enabled(False)
    model, x, name = build(torch, c, w), torch.from_numpy(frame), "PyTorch " + torch.__version__.split("+")[0]

    def autocast(m):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return m(x).float().numpy()

    def int8():
        q = torch.ao.quantization.quantize_dynamic(build(torch, c, w), {torch.nn.Linear}, dtype=torch.qint8)
        return lambda: q(x).numpy()
    measure(rows, name, "f32", lambda: model(x).numpy(), repeats)
    measure(rows, name, "f32 compiled", lambda m=torch.compile(model): m(x).numpy(), repeats)
    measure(rows, name, "bf16", lambda: autocast(model), repeats)
    measure(rows, name, "bf16 compiled", lambda m=torch.compile(model): autocast(m), repeats)
    measure(rows, name, "int8", int8(), repeats)


def onnxruntime(rows, c, w, frame, threads, repeats, folder):
    import onnxruntime as ort
    import torch
    from onnxruntime.quantization import QuantType, quantize_dynamic
    name, options = "ONNX Runtime " + ort.__version__, ort.SessionOptions()
    options.intra_op_num_threads = threads
    f32, int8 = os.path.join(folder, "f32.onnx"), os.path.join(folder, "int8.onnx")

    def session(file):
        s = ort.InferenceSession(file, options, providers=["CPUExecutionProvider"])
        return lambda: s.run(None, {"rgb": frame})[0]
    with torch.no_grad():
        torch.onnx.export(build(torch, c, w), (torch.from_numpy(frame),), f32, input_names=["rgb"],
                          output_names=["embedding"], opset_version=17, dynamo=False)
    measure(rows, name, "f32", session(f32), repeats)
    for kind, label in ((QuantType.QInt8, "int8"), (QuantType.QUInt8, "uint8")):
        quantize_dynamic(f32, int8, weight_type=kind, per_channel=True, op_types_to_quantize=["MatMul", "Gemm"])
        measure(rows, name, label, session(int8), repeats)


def ours(bench, rounds, folder):
    out = subprocess.run([bench, "--keep=" + folder, "--rounds=%d" % rounds], check=True, capture_output=True, text=True)
    print(out.stdout, flush=True)
    lines = re.finditer(r"^(f32|bf16|int16|int8) +([0-9.]+) .*? ([0-9.]+e[-+][0-9]+)  ", out.stdout, re.M)
    return {m[1]: (float(m[2]), float(m[3])) for m in lines}


def summary(before, after, rows):
    mine = {k: max(before[k][0], after[k][0]) for k in before}
    off = {k: max(before[k][1], after[k][1]) for k in before}
    reference = next((r[3] for r in rows if r[1] == "f32"), None)
    error = {r[:2]: np.linalg.norm(r[3] - reference) / np.linalg.norm(reference) for r in rows}
    f32 = min((r for r in rows if r[1].startswith("f32")), key=lambda r: r[2])
    best = min((r for r in rows if error[r[:2]] < USABLE), key=lambda r: r[2])
    print("\n%-22s %-14s %9s %10s" % ("", "", "ms p50", "error"))
    for name, ms in mine.items():
        print("%-22s %-14s %9.2f %10.1e" % ("gst-heads", name, ms, off[name]))
    for peer, precision, ms, out in rows:
        e = error[peer, precision]
        print("%-22s %-14s %9.2f %10.1e%s" % (peer, precision, ms, e, "" if e < USABLE else "  too far off to count"))
    print("\nf32: %.2fx the faster peer (%s %s)" % (f32[2] / mine["f32"], f32[0], f32[1]))
    name = min((k for k in mine if off[k] < USABLE), key=mine.get)
    print("best: gst-heads %s is %.2fx the fastest peer (%s %s)" % (name, best[2] / mine[name], best[0], best[1]))
    for name, ms in mine.items():
        print("      gst-heads %s: %.2fx" % (name, best[2] / ms))


def main():
    options = dict(a[2:].split("=", 1) for a in sys.argv[2:])
    rounds, only, rows = int(options.get("rounds", 11)), options.get("only"), []
    threads = int(os.environ.get("GST_HEADS_THREADS", "0")) or len(os.sched_getaffinity(0))
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        before = ours(sys.argv[1], rounds, folder)
        c, w = load(os.path.join(folder, "encoder.safetensors"))
        frame = np.fromfile(os.path.join(folder, "frame.rgb"), np.uint8).reshape(1, c["height"], c["width"], 3)
        print("peers, %d threads:" % threads, flush=True)
        for name, run in (("pytorch", lambda: pytorch(rows, c, w, frame, threads, rounds)),
                          ("onnxruntime", lambda: onnxruntime(rows, c, w, frame, threads, rounds, folder))):
            try:
                if only in (None, name):
                    run()
            except ImportError as e:
                print("  %s is left out: %s" % (name, e))
        if rows:
            summary(before, ours(sys.argv[1], rounds, folder), rows)


if __name__ == "__main__":
    main()
