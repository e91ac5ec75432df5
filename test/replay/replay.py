"""What every replay generator shares: one training step of a PyTorch network, dumped for the C tests to repeat.

A generate_<architecture>.py describes its network as PyTorch users would write it, with the parameter names that the
extension uses, and calls replay(). That writes test/replay/<architecture>/:

  weights.safetensors     the weights at the start, running statistics included, with our metadata
  gradients.safetensors   the gradient of every parameter; in the places of the running statistics, what the training
                          pass made of them
  stepped.safetensors     the weights after one step of AdamW
  case.safetensors        images (N, H, W, 3) and masks (N, H, W) as 0..255, logits (N, H, W) in evaluation and in
                          training mode, and `scalars`: loss, gradient norm, learning rate, weight decay, gradient clip,
                          steps taken before

The optimiser starts from moments that STEP_HISTORY gives by formula: m = 0.05 w and v = 1e-6 (1 + w^2) after 7 steps.
From zero moments AdamW's first step is the gradient's sign times the rate, which hides every error but a sign's and
magnifies that.

Everything is computed in float64 from inputs that float32 holds exactly, so what is dumped is the truth to float32
accuracy and not another float32 program's opinion. A ReLU or a maximum that is nearly undecided would still make
float32 programs differ, so replay() looks for a seed where none is.

Needs Debian's python3-torch; the tests only need what it wrote.
"""
import json
import math
import os
import struct

import torch

MEAN = [0.485, 0.456, 0.406]
STD = [0.229, 0.224, 0.225]
MARGIN = 1e-5           # of ReLU inputs from 0 and of maxima from the next smaller value
STEP_HISTORY = 7        # optimiser steps taken before
LEARNING_RATE = 0.05
WEIGHT_DECAY = 0.1
GRADIENT_CLIP = 0.25    # low enough to act

DTYPES = {torch.float32: 'F32', torch.float16: 'F16', torch.int64: 'I64'}


def write_safetensors(path, tensors, metadata=None):
    """Write named tensors; layout: https://huggingface.co/docs/safetensors."""
    header, data, offset = {}, [], 0
    if metadata:
        header['__metadata__'] = metadata
    for name, tensor in tensors.items():
        raw = tensor.contiguous().numpy().tobytes()
        header[name] = {'dtype': DTYPES[tensor.dtype], 'shape': list(tensor.shape),
                        'data_offsets': [offset, offset + len(raw)]}
        data.append(raw)
        offset += len(raw)
    text = json.dumps(header, separators=(',', ':')).encode()
    text += b' ' * (-len(text) % 8)
    with open(path, 'wb') as file:
        file.write(struct.pack('<Q', len(text)) + text + b''.join(data))


def read_safetensors(path):
    """Read (tensors, metadata) from a safetensors file with floating-point tensors."""
    kinds = {'F64': torch.float64, 'F32': torch.float32, 'F16': torch.float16, 'BF16': torch.bfloat16,
             'I64': torch.int64}
    with open(path, 'rb') as file:
        raw = file.read()
    length = struct.unpack('<Q', raw[:8])[0]
    header = json.loads(raw[8:8 + length])
    metadata = header.pop('__metadata__', {})
    data = bytearray(raw[8 + length:])
    tensors = {}
    for name, entry in header.items():
        begin, end = entry['data_offsets']
        tensors[name] = torch.frombuffer(data[begin:end], dtype=kinds[entry['dtype']]).reshape(entry['shape'])
    return tensors, metadata


def normalise(images):
    """(N, H, W, 3) of 0..255 to what the network sees, (N, 3, H, W), as the extension does it."""
    mean, std = torch.tensor(MEAN).double(), torch.tensor(STD).double()
    return ((images.double() / 255 - mean) / std).permute(0, 3, 1, 2).contiguous()


def loss_function(logits, truth):
    """BCE, mean over all pixels, plus soft Dice, mean over images; both (N, 1, H, W)."""
    p = torch.sigmoid(logits)
    dims = (1, 2, 3)
    dice = 1 - (2 * (p * truth).sum(dims) + 1) / (p.sum(dims) + truth.sum(dims) + 1)
    return torch.nn.functional.binary_cross_entropy_with_logits(logits, truth) + dice.mean()


def make_images(n, height, width):
    """Discs of another colour on noisy backgrounds, with their masks; the last image has no disc."""
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing='ij')
    images, masks = [], []
    for i in range(n):
        cy, cx = (0.3 + 0.4 * torch.rand(2)) * torch.tensor([height, width])
        inside = ((y - cy) ** 2 + (x - cx) ** 2 < (0.3 * min(height, width)) ** 2) & (i < n - 1)
        skin, lesion = 120 + 100 * torch.rand(3), 100 * torch.rand(3)
        image = torch.where(inside[..., None], lesion, skin) + 20 * torch.randn(height, width, 3)
        images.append(image.round().clamp(0, 255))
        masks.append(inside * 255)
    return torch.stack(images), torch.stack(masks)


def randomise(model):
    """Move what PyTorch initialises to 0 or 1 somewhere less forgiving."""
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, 0, 0.3)
            torch.nn.init.normal_(module.running_mean, 0, 0.3)
            torch.nn.init.uniform_(module.running_var, 0.3, 1.5)
        elif getattr(module, 'bias', None) is not None:
            torch.nn.init.normal_(module.bias, 0, 0.3)


def watch_margin(model):
    """Make ReLU and max-pool layers note how close to undecided they were; returns the list they note it in."""
    margins = []

    def relu(module, inputs, output):
        margins.append(module.before.abs().min().item())

    def keep(module, inputs):
        module.before = inputs[0].detach().clone()

    def pool(module, inputs, output):
        k, s = module.kernel_size, module.stride
        x = torch.nn.functional.pad(inputs[0].detach(), [module.padding] * 4, value=-math.inf)
        windows = x.unfold(2, k, s).unfold(3, k, s).flatten(4)
        top = windows.topk(2, 4).values
        gaps = (top[..., 0] - top[..., 1])[top[..., 0] > 0]      # zeros after ReLU have no gradient to misplace
        margins.append(gaps.min().item())

    for module in model.modules():
        if isinstance(module, torch.nn.ReLU):
            module.register_forward_pre_hook(keep)
            module.register_forward_hook(relu)
        elif isinstance(module, torch.nn.MaxPool2d):
            module.register_forward_hook(pool)
    return margins


def step(model):
    """Clip gradients and take one step of AdamW with decay on convolution weights alone; returns the norm."""
    parameters = list(model.parameters())
    norm = torch.nn.utils.clip_grad_norm_(parameters, GRADIENT_CLIP).item()
    assert norm > 1.5 * GRADIENT_CLIP
    optimiser = torch.optim.AdamW([
        {'params': [p for p in parameters if p.dim() == 4], 'weight_decay': WEIGHT_DECAY},
        {'params': [p for p in parameters if p.dim() != 4], 'weight_decay': 0.0},
    ], lr=LEARNING_RATE, betas=(0.9, 0.999), eps=1e-8)
    for p in parameters:
        w = p.detach()
        optimiser.state[p] = {'step': torch.tensor(float(STEP_HISTORY)), 'exp_avg': 0.05 * w,
                              'exp_avg_sq': 1e-6 * (1 + w * w)}
    optimiser.step()
    return norm


def as_float32(tensors):
    return {name: tensor.detach().float() if tensor.is_floating_point() else tensor
            for name, tensor in tensors.items()}


def try_seed(make_model, seed, batch, height, width):
    """One training step; returns what is to be dumped, or None if something was nearly undecided."""
    torch.manual_seed(seed)
    images, masks = make_images(batch, height, width)
    model = make_model()
    randomise(model)
    weights = as_float32({name: tensor.clone() for name, tensor in model.state_dict().items()})
    model.double()
    margins = watch_margin(model)
    x, truth = normalise(images), (masks[:, None] > 128).double()

    model.eval()
    with torch.no_grad():
        logits_eval = model(x)
    model.train()
    logits_train = model(x)
    loss = loss_function(logits_train, truth)
    loss.backward()
    if min(margins) < MARGIN:
        return None
    statistics = {name: tensor for name, tensor in model.state_dict().items() if 'running_' in name}
    gradients = {name: p.grad.clone() for name, p in model.named_parameters()}
    norm = step(model)
    scalars = [loss.item(), norm, LEARNING_RATE, WEIGHT_DECAY, GRADIENT_CLIP, STEP_HISTORY]
    return weights, as_float32({**gradients, **statistics}), as_float32(model.state_dict()), {
        'images': images.half(), 'masks': masks.half(),
        'logits_eval': logits_eval[:, 0].float(), 'logits_train': logits_train[:, 0].detach().float(),
        'scalars': torch.tensor(scalars)}


def replay(architecture, config, make_model, batch, height, width, attempt=try_seed):
    """Find a decided seed and write the files of one architecture.

    `attempt` is for architectures that take more than one pass.
    """
    torch.set_num_threads(1)
    for seed in range(1000):
        found = attempt(make_model, seed, batch, height, width)
        if found:
            break
    weights, gradients, stepped, case = found
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), architecture)
    os.makedirs(folder, exist_ok=True)
    metadata = {'format_version': '1', 'architecture': architecture, 'config': json.dumps(config),
                'image_size': '0', 'mean': ','.join(map(str, MEAN)), 'std': ','.join(map(str, STD)),
                'extension_version': '0.1'}
    write_safetensors(os.path.join(folder, 'weights.safetensors'), weights, metadata)
    write_safetensors(os.path.join(folder, 'gradients.safetensors'), gradients)
    write_safetensors(os.path.join(folder, 'stepped.safetensors'), stepped)
    write_safetensors(os.path.join(folder, 'case.safetensors'), case)
    print(f'{architecture}: seed {seed}, loss {case["scalars"][0]:.6f}, gradient norm {case["scalars"][1]:.6f}')
