#!/usr/bin/python3
"""Dump one training step of a narrow Mask R-CNN to test/replay/maskrcnn/.

Proposals, matching and draws follow the rules of the extension, written down here once more; RoIAlign and suppression
are torchvision's (Debian's python3-torchvision). Where a rule decides by comparing numbers, decided() notes how close
it was, and a seed is only taken where nothing was close.

In place of logits_train the dump has `losses`: objectness, box of the proposals, class, box, mask.
"""
import math

import torch
import torchvision

import replay
from networks import MaskRCNN

CONFIG = {'base': 4, 'pyramid': 4, 'anchor': 2, 'rois': 16, 'box_units': 8, 'mask_depth': 1, 'detections': 3,
          'score': 0.6}
BATCH, HEIGHT, WIDTH = 3, 32, 64
STRIDES = [4, 8, 16, 32]
MASK64 = 2 ** 64 - 1
GOLDEN = 0x9E3779B97F4A7C15

margins = []


def decided(margin):
    margins.append(float(margin))


class Rng:
    """core/rng.h: xoshiro256** seeded by splitmix64."""

    def __init__(self, seed, stream):
        def mix(state):
            z = (state + GOLDEN) & MASK64
            state = z
            z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK64
            z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK64
            return state, z ^ (z >> 31)
        state = (seed ^ mix(stream)[1]) & MASK64
        self.s = []
        for _ in range(4):
            state, value = mix(state)
            self.s.append(value)

    def next(self):
        def left(x, k):
            return ((x << k) | (x >> (64 - k))) & MASK64
        s = self.s
        result = (left((s[1] * 5) & MASK64, 7) * 9) & MASK64
        t = (s[1] << 17) & MASK64
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= t
        s[3] = left(s[3], 45)
        return result

    def below(self, bound):
        threshold = (2 ** 64 - bound) % bound
        while True:
            value = self.next()
            if value >= threshold:
                return value % bound


def clip(boxes):
    return torch.stack([boxes[..., 0].clamp(0, WIDTH), boxes[..., 1].clamp(0, HEIGHT),
                        boxes[..., 2].clamp(0, WIDTH), boxes[..., 3].clamp(0, HEIGHT)], -1)


def encode(references, boxes):
    rw, rh = (references[:, 2:] - references[:, :2]).unbind(1)
    bw, bh = (boxes[:, 2:] - boxes[:, :2]).unbind(1)
    shift = (boxes[:, :2] + boxes[:, 2:] - references[:, :2] - references[:, 2:]) / 2
    return torch.stack([shift[:, 0] / rw, shift[:, 1] / rh, (bw / rw).log(), (bh / rh).log()], 1)


def decode(references, deltas):
    size = references[:, 2:] - references[:, :2]
    centre = (references[:, :2] + references[:, 2:]) / 2 + deltas[:, :2] * size
    half = deltas[:, 2:].clamp(max=math.log(1000 / 16)).exp() * size / 2
    return torch.cat([centre - half, centre + half], 1)


def make_anchors():
    """By level, row, column; then two sizes by three shapes."""
    anchors = []
    for stride in STRIDES[1:]:
        for y in range(HEIGHT // stride):
            for x in range(WIDTH // stride):
                for scale in (1, math.sqrt(2)):
                    for shape in (0.5, 1, 2):
                        side = CONFIG['anchor'] * stride * scale
                        w, h = side / math.sqrt(shape) / 2, side * math.sqrt(shape) / 2
                        cx, cy = (x + 0.5) * stride, (y + 0.5) * stride
                        anchors.append([cx - w, cy - h, cx + w, cy + h])
    return torch.tensor(anchors).double()


ANCHORS = make_anchors()


def suppress(boxes, overlap, most):
    """Greedy suppression of boxes that come best first."""
    kept = []
    for i, box in enumerate(boxes):
        if len(kept) == most:
            break
        ious = torchvision.ops.box_iou(box[None], boxes[kept])[0] if kept else torch.zeros(0)
        for iou in ious:
            decided(abs(iou - overlap))
        if not (ious > overlap).any():
            kept.append(i)
    ranks = torchvision.ops.nms(boxes, -torch.arange(len(boxes)).double(), overlap)[:most].tolist()
    assert kept == ranks
    return kept


def best_first(scores, most):
    order = scores.argsort(descending=True, stable=True)
    ordered = scores[order]
    if len(order) > 1:
        decided((ordered[:-1] - ordered[1:])[:most].min())
    return order[:most]


def proposals(logits, deltas, most):
    order = best_first(logits, 8 * CONFIG['rois'])
    boxes = clip(decode(ANCHORS[order], deltas[order]))
    size = boxes[:, 2:] - boxes[:, :2]
    decided((size - 1).abs().min())
    boxes = boxes[(size >= 1).all(1)]
    return boxes[suppress(boxes, 0.7, most)]


def match(boxes, truths, positive, negative, force):
    """By box: the truth it stands for, -1 = none, -2 = unclear."""
    if len(truths) == 0:
        return [-1] * len(boxes)
    ious = torchvision.ops.box_iou(boxes, truths)
    best, which = ious.max(1)
    decided((best - positive).abs().min())
    decided((best - negative).abs().min())
    matches = [int(t) if iou >= positive else -1 if iou < negative else -2 for iou, t in zip(best, which)]
    if force:
        for t in range(len(truths)):
            top = ious[:, t].topk(2)
            decided(top.values[0] - top.values[1])
            if top.values[0] > 0 and matches[top.indices[0]] < 0:
                matches[top.indices[0]] = int(which[top.indices[0]])
    return matches


def sample(rng, matches, most, most_positive):
    def draw(found, want):
        want = min(want, len(found))
        for i in range(want):
            j = i + rng.below(len(found) - i)
            found[i], found[j] = found[j], found[i]
        return found[:want]
    positives = draw([i for i, t in enumerate(matches) if t >= 0], most_positive)
    return positives + draw([i for i, t in enumerate(matches) if t == -1], most - len(positives)), len(positives)


def align(levels, image, boxes, size):
    """(K, C, size, size) from each box's level."""
    result = []
    for box in boxes:
        side = ((box[2] - box[0]) * (box[3] - box[1])).sqrt()
        level = 2 + torch.log2(side / 224) + 1e-6
        decided((level - level.round()).abs())
        level = int(level.floor().clamp(0, 3))
        result.append(torchvision.ops.roi_align(levels[level][image:image + 1], [box[None]], size, 1 / STRIDES[level],
                                                2, True))
    return torch.cat(result) if result else torch.zeros(0, CONFIG['pyramid'], size, size).double()


def enlarge(boxes):
    margin = (boxes[:, 2:] - boxes[:, :2]) * 0.1
    return clip(torch.cat([boxes[:, :2] - margin, boxes[:, 2:] + margin], 1))


def by_anchor(outputs, last):
    """Outputs of the proposal head, level by level, as (N, anchors, last)."""
    return torch.cat([y.permute(0, 2, 3, 1).reshape(len(y), -1, last) for y in outputs], 1)


def propose(model, x):
    levels = model.features(x)
    outputs = [model.rpn['head'](level) for level in levels[1:]]
    return levels, by_anchor([y[0] for y in outputs], 1)[..., 0], by_anchor([y[1] for y in outputs], 4)


def truth_boxes(mask):
    """One disc or none: no component needs to be told from another."""
    ys, xs = torch.nonzero(mask > 128, as_tuple=True)
    if len(ys) == 0:
        return torch.zeros(0, 4).double()
    return torch.stack([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1])[None].double()


def smooth_l1(values, targets):
    return torch.nn.functional.smooth_l1_loss(values, targets, beta=1 / 9, reduction='sum')


def bce(logits, targets):
    return torch.nn.functional.binary_cross_entropy_with_logits(logits, targets, reduction='sum')


WEIGHTS = torch.tensor([10, 10, 5, 5]).double()


def train(model, x, masks, seed):
    """The five losses."""
    levels, logits, deltas = propose(model, x)
    losses, counts = [0] * 5, [0] * 3
    for image in range(BATCH):
        rng = Rng(seed, image)
        truths = truth_boxes(masks[image])
        matches = match(ANCHORS, truths, 0.7, 0.3, True)
        drawn, positives = sample(rng, matches, 128, 64)
        counts[0] += len(drawn)
        losses[0] += bce(logits[image, drawn], torch.tensor([matches[i] >= 0 for i in drawn]).double())
        for i in drawn[:positives]:
            losses[1] += smooth_l1(deltas[image, i], encode(ANCHORS[i:i + 1], truths[matches[i]][None])[0])

        boxes = torch.cat([proposals(logits[image].detach(), deltas[image].detach(), 2 * CONFIG['rois']), truths])
        matches = match(boxes, truths, 0.5, 0.5, False)
        drawn, positives = sample(rng, matches, CONFIG['rois'], CONFIG['rois'] // 4)
        counts[1] += len(drawn)
        scores, shifts = model.boxes(align(levels, image, boxes[drawn], 7))
        losses[2] += bce(scores, torch.tensor([matches[i] >= 0 for i in drawn]).double())
        if positives == 0:
            continue
        counts[2] += positives * 28 * 28
        drawn = drawn[:positives]
        targets = truths[[matches[i] for i in drawn]]
        losses[3] += smooth_l1(shifts[:positives], encode(boxes[drawn], targets) * WEIGHTS)
        regions = enlarge(boxes[drawn])
        whole = (masks[image] > 128).double()[None, None]
        targets = torchvision.ops.roi_align(whole, [regions], 28, 1.0, 2, True)[:, 0]
        losses[4] += bce(model.masks(align(levels, image, regions, 14)), targets)
    return [loss / counts[i] for loss, i in zip(losses, (0, 0, 1, 1, 2))]


def paste(region, mask):
    """A mask's probabilities on the image."""
    x = torch.arange(WIDTH).double() + 0.5
    y = torch.arange(HEIGHT).double() + 0.5
    for positions, begin, end, size in ((x, region[0], region[2], WIDTH), (y, region[1], region[3], HEIGHT)):
        if begin > 0:
            decided((positions - begin).abs().min())
        if end < size:
            decided((positions - end).abs().min())

    def taps(positions, begin, end):
        at = ((positions - begin) / (end - begin) * 28 - 0.5).clamp(0, 27)
        low = at.floor().clamp(max=26).long()
        return low, at - low, (positions >= begin) & (positions < end)
    (left, fx, in_x), (top, fy, in_y) = taps(x, region[0], region[2]), taps(y, region[1], region[3])

    def row(y):
        return mask[y][:, left] * (1 - fx) + mask[y][:, left + 1] * fx
    return (row(top) * (1 - fy[:, None]) + row(top + 1) * fy[:, None]) * (in_y[:, None] & in_x)


def predict(model, x):
    """Probabilities (N, H, W)."""
    levels, logits, deltas = propose(model, x)
    maps = torch.zeros(BATCH, HEIGHT, WIDTH).double()
    for image in range(BATCH):
        boxes = proposals(logits[image], deltas[image], CONFIG['rois'])
        scores, shifts = model.boxes(align(levels, image, boxes, 7))
        order = best_first(scores, CONFIG['rois'])
        boxes, scores = clip(decode(boxes[order], shifts[order] / WEIGHTS)), torch.sigmoid(scores[order])
        kept = suppress(boxes, 0.5, CONFIG['detections'])
        decided((boxes[kept, 2:] - boxes[kept, :2] - 1).abs().min())
        decided((scores[kept] - CONFIG['score']).abs().min())
        kept = [i for n, i in enumerate(kept) if n == 0 or scores[i] >= CONFIG['score']]
        regions = enlarge(boxes[kept])
        for region, mask in zip(regions, torch.sigmoid(model.masks(align(levels, image, regions, 14)))):
            maps[image] = torch.maximum(maps[image], paste(region, mask))
    return maps


def try_seed(make_model, seed, batch, height, width):
    """One training step; returns what is to be dumped, or None if something was nearly undecided."""
    torch.manual_seed(seed)
    images, masks = replay.make_images(batch, height, width)
    model = make_model()
    replay.randomise(model)
    weights = replay.as_float32({name: tensor.clone() for name, tensor in model.state_dict().items()})
    model.double()
    del margins[:]
    watched = replay.watch_margin(model)
    x = replay.normalise(images)

    model.eval()
    with torch.no_grad():
        maps = predict(model, x)
    model.train()
    losses = train(model, x, masks, replay.STEP_HISTORY * GOLDEN & MASK64)
    if min(margins) < replay.MARGIN or min(watched) < MARGIN:
        return None
    loss = sum(losses)
    loss.backward()
    statistics = {name: tensor for name, tensor in model.state_dict().items() if 'running_' in name}
    gradients = {name: p.grad.clone() for name, p in model.named_parameters()}
    norm = replay.step(model)
    scalars = [loss.item(), norm, replay.LEARNING_RATE, replay.WEIGHT_DECAY, replay.GRADIENT_CLIP, replay.STEP_HISTORY]
    return weights, replay.as_float32({**gradients, **statistics}), replay.as_float32(model.state_dict()), {
        'images': images.half(), 'masks': masks.half(),
        'logits_eval': torch.logit(maps, 1e-30).clamp(-200, 200).float(),
        'losses': torch.stack([torch.as_tensor(part).detach() for part in losses]).float(),
        'scalars': torch.tensor(scalars)}


# A ReLU's margin is less than elsewhere: there are many more here, and one that float32 decides otherwise moves a
# gradient by as little.
MARGIN = 1e-6

replay.replay('maskrcnn', CONFIG,
              lambda: MaskRCNN(CONFIG['base'], CONFIG['pyramid'], CONFIG['box_units'], CONFIG['mask_depth']),
              batch=BATCH, height=HEIGHT, width=WIDTH, attempt=try_seed)
