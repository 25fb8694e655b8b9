#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The almacam configuration with random weights at 576x960 against the PyTorch reference.

    test-almacam.py ENCODE_FILE

Needs torch, numpy and $GST_HEADS_SHARED/reference/mae_ref.py; skipped (77) without them.
"""
import json
import os
import sys
import tempfile

sys.dont_write_bytecode = True
import compare                                              # noqa: E402

torch, np = compare.need('torch', 'numpy')
sys.path.insert(0, os.path.dirname(compare.shared('reference', 'mae_ref.py')))
import mae_ref                                              # noqa: E402

TOLERANCES = {'f32': 1e-4, 'bf16': 2e-2, 'int16': 3e-3, 'int8': 4e-2}
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def make_model():
    """No decoder: only its first layer, which is the embedding's."""
    torch.manual_seed(3)
    model = mae_ref.MAE(mae_ref.cfg(dec_depth=0)).eval()
    for p in model.parameters():                            # no zero biases or unit gains: every term must matter
        if p.dim() == 1:
            p.data += 0.1 * torch.randn_like(p)
    return model


def save(model, path):
    c = model.c
    config = {k: c[k] for k in ('height', 'width', 'patch', 'dim', 'depth', 'heads', 'head_dim', 'mlp', 'landmarks',
                                'pinv_iters', 'conv', 'eps')}
    config.update(mean=MEAN, std=STD, pool='mean', embedding=c['dec_dim'], has_embed=True)
    tensors = {k.replace('proj.', 'patch.', 1) if k.startswith('proj.') else k: p
               for k, p in model.enc.named_parameters()}
    tensors.update(('embed.' + k, p) for k, p in model.dec.embed.named_parameters())
    mae_ref.save_st(path, tensors, {'format': 'pt', 'format_version': '1', 'config': json.dumps(config)})


def expected(model, frame):
    x = (torch.from_numpy(frame).float() / 255 - torch.tensor(MEAN)) / torch.tensor(STD)
    with torch.no_grad():
        tokens = model.enc(mae_ref.patchify(x.permute(2, 0, 1)[None], model.c['patch']))
        return model.dec.embed(tokens.mean(1))[0].numpy(), tokens[0].numpy().ravel()


def main():
    model = make_model()
    frame = np.random.default_rng(5).integers(0, 256, (576, 960, 3), dtype=np.uint8)
    embedding, tokens = expected(model, frame)
    ok = True
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'almacam.safetensors')
        save(model, path)
        for precision, tolerance in TOLERANCES.items():
            out = compare.encode(sys.argv[1], path, frame, precision, folder)
            ok &= compare.judge(precision + ' embedding', out[:embedding.size], embedding, tolerance)
            ok &= compare.judge(precision + ' tokens', out[embedding.size:], tokens, 2 * tolerance)
    return 0 if ok else 1


if __name__ == '__main__':
    sys.exit(main())
