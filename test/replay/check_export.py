#!/usr/bin/python3
"""Check that PyTorch sees in an exported weight file what the database sees.

usage: check_export.py WEIGHTS.safetensors IMAGE.png PROBABILITY.png

Builds the network that the file's metadata names, loads every tensor (one missing or left over is an error), predicts
IMAGE, whose size must be the network's, and compares with the map that lesion_segment_detail returned, which is
rounded to 1/255. Fails when a pixel is off by more than one such step. Run by hand, with python3-torch and
python3-pil; export_sample.sql writes the three files from a database:

  psql -v model=unet -v folder=/tmp -f test/replay/export_sample.sql
"""
import json
import sys

import numpy
import torch
from PIL import Image

from networks import ConvMixer, LinkNet, UNet
from replay import read_safetensors

NETWORKS = {'unet': lambda config: UNet(config['base'], config['depth']),
            'linknet': lambda config: LinkNet(config['base']),
            'convmixer': lambda config: ConvMixer(config['dim'], config['depth'], config['kernel'], config['patch'])}


def numbers(text):
    return torch.tensor([float(part) for part in text.split(',')])


def main(weights, image, probability):
    tensors, metadata = read_safetensors(weights)
    network = NETWORKS[metadata['architecture']](json.loads(metadata['config']))
    missing, unexpected = network.load_state_dict(tensors, strict=False)
    missing = [name for name in missing if not name.endswith('num_batches_tracked')]
    if missing or unexpected:
        sys.exit(f'missing {missing}, unexpected {unexpected}')

    picture = Image.open(image).convert('RGB')
    size = int(metadata['image_size'])
    if picture.size != (size, size):
        sys.exit(f'{image} is {picture.size}, the network wants {size} x {size}')
    x = torch.from_numpy(numpy.array(picture)).float() / 255
    x = ((x - numbers(metadata['mean'])) / numbers(metadata['std'])).permute(2, 0, 1)[None]
    network.eval()
    with torch.no_grad():
        ours = torch.sigmoid(network(x))[0, 0].numpy() * 255
    theirs = numpy.array(Image.open(probability)).astype(float)
    worst = abs(ours - theirs).max()
    print(f'{weights}: {len(tensors)} tensors, largest difference {worst:.3f} of 255, '
          f'probabilities from {theirs.min() / 255:.3f} to {theirs.max() / 255:.3f}')
    if worst > 1:
        sys.exit('PyTorch and the extension disagree')


if __name__ == '__main__':
    main(*sys.argv[1:])
