#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Training beside PyTorch in one run: gst-heads, then PyTorch (eager and compiled, float32 and bfloat16 autocast, fused
AdamW), then gst-heads again, with the same model, weights, frames, masks and threads.

usage: peers-train.py BENCH_TRAIN [--config=NAME,NAME] [--batch=N] [--rounds=N] [--no-compile]
                                   [--device=cpu|cuda] [--only=f32|bf16] [--frames=given|device|host]

--frames: where those of the timed steps of gst-heads are (bench-train); PyTorch's lie on the device.
Medians of images a second; ours is the slower of its two runs. The first loss of every contender is shown: the same
loss is the same work. A peer that is not installed, or refuses, is named and left out.
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


def load(path):
    with open(path, "rb") as f:
        n = int.from_bytes(f.read(8), "little")
        head = json.loads(f.read(n))
        body = f.read()
    meta = head.pop("__metadata__")
    weights = {}
    for name, t in head.items():
        if not name.startswith("train."):
            b, e = t["data_offsets"]
            weights[name] = np.frombuffer(body[b:e], dtype="<f4").reshape(t["shape"]).copy()
    return json.loads(meta["config"]), weights


def sincos(rows, cols, dim):
    q = dim // 4
    w = 10000.0 ** (-np.arange(q) / q)
    y, x = np.divmod(np.arange(rows * cols), cols)
    ax, ay = x[:, None] * w, y[:, None] * w
    return np.concatenate([np.sin(ax), np.cos(ax), np.sin(ay), np.cos(ay)], 1).astype(np.float32)


def build(torch, c, w):
    F, nn = torch.nn.functional, torch.nn

    def linear(name):
        weight, bias = w[name + ".weight"], w.get(name + ".bias")
        m = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None)
        m.weight.data = torch.from_numpy(weight)
        if bias is not None:
            m.bias.data = torch.from_numpy(bias)
        return m

    def norm(name):
        m = nn.LayerNorm(w[name + ".weight"].shape[0], c["eps"])
        m.weight.data, m.bias.data = torch.from_numpy(w[name + ".weight"]), torch.from_numpy(w[name + ".bias"])
        return m

    def take(x, index):
        return x.gather(1, index[..., None].expand(-1, -1, x.shape[-1]))

    class Block(nn.Module):
        def __init__(self, p, heads):
            super().__init__()
            self.heads = heads
            self.norm1, self.norm2 = norm(p + "norm1"), norm(p + "norm2")
            self.qkv, self.out = linear(p + "attn.qkv"), linear(p + "attn.out")
            self.fc1, self.fc2 = linear(p + "mlp.fc1"), linear(p + "mlp.fc2")
            conv = w.get(p + "attn.conv")
            self.conv = nn.Parameter(torch.from_numpy(conv)) if conv is not None else None

        def forward(self, x):
            b, n, _ = x.shape
            q, k, v = self.qkv(self.norm1(x)).reshape(b, n, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
            o = F.scaled_dot_product_attention(q, k, v)
            if self.conv is not None:
                taps = self.conv.shape[1]
                kernel = self.conv.reshape(self.heads, 1, taps, 1)
                o = o + F.conv2d(v, kernel, padding=(taps // 2, 0), groups=self.heads)
            x = x + self.out(o.transpose(1, 2).reshape(b, n, -1))
            return x + self.fc2(F.gelu(self.fc1(self.norm2(x))))

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            p = c["patch"]
            self.rows, self.cols = -(-c["height"] // p), -(-c["width"] // p)
            self.patch, self.norm = linear("patch"), norm("norm")
            self.blocks = nn.ModuleList(Block("blocks.%d." % i, c["heads"]) for i in range(c["depth"]))
            self.embed = linear("decoder.embed" if "decoder.embed.weight" in w else "embed")
            self.mask_token = nn.Parameter(torch.from_numpy(w["decoder.mask_token"]))
            self.dec_blocks = nn.ModuleList(Block("decoder.blocks.%d." % i, c["dec_heads"])
                                            for i in range(c["dec_depth"]))
            self.dec_norm, self.pred = norm("decoder.norm"), linear("decoder.pred")
            for name, value in (("pos", sincos(self.rows, self.cols, c["dim"])),
                                ("dec_pos", sincos(self.rows, self.cols, c["dec_dim"])),
                                ("mean", np.float32(c["mean"])), ("std", np.float32(c["std"]))):
                self.register_buffer(name, torch.from_numpy(value))

        def forward(self, rgb, keep, drop):          # uint8 [B,H,W,3], int64 [B,K], [B,N-K]
            p, b = c["patch"], rgb.shape[0]
            x = (rgb.float() / 255 - self.mean) / self.std
            x = F.pad(x, (0, 0, 0, self.cols * p - c["width"], 0, self.rows * p - c["height"]))
            x = x.reshape(b, self.rows, p, self.cols, p, 3).permute(0, 1, 3, 2, 4, 5)
            x = x.reshape(b, self.rows * self.cols, -1)
            target = take(x, drop)
            x = self.patch(take(x, keep)) + self.pos[keep]
            for block in self.blocks:
                x = block(x)
            x = self.embed(self.norm(x))
            n, d = self.rows * self.cols, c["dec_dim"]
            y = self.mask_token.to(x.dtype).expand(b, n, d)
            y = y.scatter(1, keep[..., None].expand(-1, -1, d), x) + self.dec_pos
            for block in self.dec_blocks:
                y = block(y)
            pred = self.pred(self.dec_norm(take(y, drop)))
            mean, var = target.mean(-1, keepdim=True), target.var(-1, keepdim=True)
            return (pred - (target - mean) / (var + 1e-6).sqrt()).square().mean()

    return Model()


def split(noise, kept):
    order = noise.argsort(1, kind="stable")
    return np.sort(order[:, :kept], 1), np.sort(order[:, kept:], 1)


def pytorch(rows, c, w, folder, batch, threads, rounds, compiled, device, only):
    import torch
    torch.set_num_threads(threads)
    name = "PyTorch " + torch.__version__.split("+")[0]
    frames = np.fromfile(os.path.join(folder, "frames.rgb"), np.uint8)
    rgb = torch.from_numpy(frames.reshape(batch, c["height"], c["width"], 3)).to(device)
    noise = np.fromfile(os.path.join(folder, "noise.f32"), np.float32).reshape(batch, -1)
    n = noise.shape[1]
    keep, drop = (torch.from_numpy(i).to(device) for i in split(noise, n - int(np.floor(n * c["mask_ratio"] + 0.5))))

    def contender(bf16, compiled):
        model = build(torch, c, {k: v.copy() for k, v in w.items()}).to(device)
        groups = [{"params": [p for p in model.parameters() if p.dim() > 1], "weight_decay": 0.05},
                  {"params": [p for p in model.parameters() if p.dim() == 1], "weight_decay": 0.0}]
        optimizer = torch.optim.AdamW(groups, lr=1e-4, betas=(0.9, 0.95), fused=True)
        run = torch.compile(model) if compiled else model

        def step():
            optimizer.zero_grad()
            with torch.autocast(device, dtype=torch.bfloat16, enabled=bf16):
                loss = run(rgb, keep, drop)
            loss.backward()
            optimizer.step()
            return loss.item()
        return step

    for precision in (only,) if only else ("f32", "bf16"):
        for kind in ("eager", "compiled") if compiled else ("eager",):
            try:
                step = contender(precision == "bf16", kind == "compiled")
                first, times = step(), []
                step()
                for _ in range(rounds):
                    t = time.perf_counter()
                    step()
                    times.append(time.perf_counter() - t)
                rows.append((name, kind, precision, batch / float(np.median(times)), first))
                print("  %-16s %-9s %-5s %9.3f images/s   first loss %.6f" % rows[-1], flush=True)
            except Exception as e:                   # a peer that cannot do it is left out, with its reason
                print("  %-16s %-9s %-5s left out: %s" % (name, kind, precision,
                                                          (str(e) or type(e).__name__).splitlines()[0]), flush=True)


def ours(bench, config, batch, rounds, folder, device, only, frames):
    arguments = ["--config=" + config, "--batch=%d" % batch, "--rounds=%d" % rounds, "--keep=" + folder]
    arguments += ["--device=" + device, "--frames=" + frames] + (["--only=" + only] if only else [])
    out = subprocess.run([bench] + arguments, check=True, capture_output=True, text=True).stdout
    print(out, flush=True)
    return {m[1]: float(m[2]) for m in re.finditer(r"^(f32|bf16) +([0-9.]+)", out, re.M)}


def compare(bench, config, batch, rounds, compiled, threads, device, only, frames):
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        before = ours(bench, config, batch, rounds, folder, device, only, frames)
        c, w = load(os.path.join(folder, "checkpoint.safetensors"))
        try:
            pytorch(rows, c, w, folder, batch, threads, rounds, compiled, device, only)
        except ImportError as e:
            print("  PyTorch is left out: %s" % e)
            return []
        after = ours(bench, config, batch, rounds, folder, device, only, frames)
    lines = []
    for precision in before:
        mine = min(before[precision], after[precision])
        peers = {kind: speed for _, kind, p, speed, _ in rows if p == precision}
        if peers:
            lines.append((config, precision, mine, peers.get("eager", float("nan")),
                          peers.get("compiled", float("nan")), mine / max(peers.values())))
    return lines


def main():
    options = dict((a[2:] + "=").split("=", 2)[:2] for a in sys.argv[2:])
    batch, rounds = int(options.get("batch", 8)), int(options.get("rounds", 7))
    threads = int(os.environ.get("GST_HEADS_THREADS", "0")) or len(os.sched_getaffinity(0))
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    lines = []
    for config in options.get("config", "almacam,small").split(","):
        lines += compare(sys.argv[1], config, batch, rounds, "no-compile" not in options, threads,
                         options.get("device", "cpu"), options.get("only"), options.get("frames", "given"))
    print("\nimages/s, batch %d, %d threads\n%-10s %-5s %10s %14s %17s %7s" % (
        batch, threads, "model", "type", "gst-heads", "PyTorch eager", "PyTorch compiled", "ratio*"))
    for line in lines:
        print("%-10s %-5s %10.3f %14.3f %17.3f %6.2fx" % line)
    print("* to the faster of the two")


main()
