#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Random masked autoencoders, saved by transformers, against transformers' own modules.

    test-vitmae.py ENCODE_FILE

A ViT-B encoder, once as save_pretrained() writes it, config.json beside it, and once as its state dict alone, where
the file's shapes must do; and a small one with its decoder. Needs torch, transformers and safetensors; skipped (77)
without them.
"""
import os
import sys
import tempfile

sys.dont_write_bytecode = True
import compare                                              # noqa: E402

torch, np, transformers, safetensors = compare.need('torch', 'numpy', 'transformers', 'safetensors.torch')

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def shake(model):
    """Every term must matter, the cls token's position too."""
    for p in model.parameters():
        p.data += (0.1 if p.dim() == 1 else 0.02) * torch.randn_like(p)
    return model.eval()


def pixels(frame):
    x = (torch.from_numpy(frame).float() / 255 - torch.tensor(MEAN)) / torch.tensor(STD)
    return x.permute(2, 0, 1)[None]


def check_encoder(program):
    """The model masks even in evaluation: nothing is dropped here, and ascending noise keeps the order."""
    model = shake(transformers.ViTMAEModel(transformers.ViTMAEConfig(mask_ratio=0.0)))
    frame = np.random.default_rng(5).integers(0, 256, (224, 224, 3), dtype=np.uint8)
    with torch.no_grad():
        noise = torch.arange(196, dtype=torch.float32)[None]
        want = model(pixels(frame), noise=noise).last_hidden_state[0].numpy()
    ok = True
    for what in 'save_pretrained', 'state_dict':
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, 'model.safetensors')
            if what == 'save_pretrained':
                model.save_pretrained(folder)
            else:
                safetensors.save_file(model.state_dict(), path)
            out = compare.encode(program, path, frame, 'f32', folder)
        ok &= compare.judge(what + ' embedding', out[:768], want[0], 1e-4)
        ok &= compare.judge(what + ' tokens', out[768:], want[1:].ravel(), 1e-4)
    return ok


def check_decoder(program):
    config = transformers.ViTMAEConfig(
        image_size=64, patch_size=8, hidden_size=96, num_hidden_layers=2, num_attention_heads=3, intermediate_size=160,
        decoder_hidden_size=64, decoder_num_hidden_layers=2, decoder_num_attention_heads=4,
        decoder_intermediate_size=128)
    model = shake(transformers.ViTMAEForPreTraining(config))
    rng = np.random.default_rng(6)
    frame, noise = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8), rng.random((1, 64), dtype=np.float32)
    with torch.no_grad():
        out = model(pixels(frame), noise=torch.from_numpy(noise))
    want = out.logits[0][out.mask[0] == 1].numpy().ravel()  # ascending, as ours
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        got = compare.encode(program, os.path.join(folder, 'model.safetensors'), frame, 'f32', folder, noise)
    return compare.judge('prediction of 48 hidden patches', got, want, 1e-4)


def main():
    torch.manual_seed(1)
    ok = check_encoder(sys.argv[1])
    return 0 if check_decoder(sys.argv[1]) and ok else 1


if __name__ == '__main__':
    sys.exit(main())
