"""Label assignment and losses of NanoDet-Plus: dynamic soft labels, quality focal, GIoU and distribution focal loss."""

import torch
import torch.nn.functional as F

from detector import CLASSES, REG_MAX, decode

TOP_CANDIDATES = 13


def pairwise_iou(a, b):
    top_left = torch.maximum(a[:, None, :2], b[None, :, :2])
    bottom_right = torch.minimum(a[:, None, 2:], b[None, :, 2:])
    overlap = (bottom_right - top_left).clamp(min=0).prod(-1)
    area_a = (a[:, 2:] - a[:, :2]).clamp(min=0).prod(-1)
    area_b = (b[:, 2:] - b[:, :2]).clamp(min=0).prod(-1)
    return overlap / (area_a[:, None] + area_b[None] - overlap + 1e-6)


def giou(a, b):
    overlap = (torch.minimum(a[:, 2:], b[:, 2:]) - torch.maximum(a[:, :2], b[:, :2])).clamp(min=0).prod(-1)
    union = (a[:, 2:] - a[:, :2]).clamp(min=0).prod(-1) + (b[:, 2:] - b[:, :2]).clamp(min=0).prod(-1) - overlap
    hull = (torch.maximum(a[:, 2:], b[:, 2:]) - torch.minimum(a[:, :2], b[:, :2])).clamp(min=0).prod(-1)
    return overlap / (union + 1e-6) - (hull - union) / (hull + 1e-6)


@torch.no_grad()
def assign(scores, boxes, points, truth, classes):
    """Returns (index of the object per grid point or -1, IoU of the match)."""
    count = len(points)
    matched = torch.full((count,), -1, dtype=torch.long, device=points.device)
    quality = torch.zeros(count, device=points.device)
    if len(truth) == 0:
        return matched, quality
    x, y = points[:, 0:1], points[:, 1:2]
    inside = (x > truth[:, 0]) & (y > truth[:, 1]) & (x < truth[:, 2]) & (y < truth[:, 3])
    centre = (truth[:, :2] + truth[:, 2:]) / 2
    near = ((points[:, None, :2] - centre).abs().amax(-1) < points[:, 2:3]) & (points[:, 2:3] <= 16)
    valid = inside | near
    rows = valid.any(1).nonzero().squeeze(1)
    if len(rows) == 0:
        return matched, quality
    iou = pairwise_iou(boxes[rows], truth)
    target = torch.zeros(len(rows), len(truth), scores.shape[1], device=points.device)
    target[:, torch.arange(len(truth), device=points.device), classes] = iou
    predicted = scores[rows].sigmoid()[:, None].expand_as(target)
    cost = (F.binary_cross_entropy(predicted, target, reduction="none") * (target - predicted).abs().pow(2)).sum(-1)
    cost = cost - 3 * torch.log(iou + 1e-7)
    distance = (points[rows, None, :2] - centre).pow(2).sum(-1).sqrt() / points[rows, 2:3]
    cost = cost + torch.pow(10.0, distance - 3) + (~valid[rows]) * 1e8
    chosen = torch.zeros_like(cost, dtype=torch.bool)
    share = iou.topk(min(TOP_CANDIDATES, len(rows)), dim=0).values.sum(0).int().clamp(min=1)
    for column in range(len(truth)):
        best = cost[:, column].topk(min(int(share[column]), len(rows)), largest=False)
        chosen[best.indices[best.values < 1e8], column] = True
    crowded = chosen.sum(1) > 1
    if crowded.any():
        winner = cost[crowded].argmin(1)
        chosen[crowded] = False
        chosen[crowded, winner] = True
    hit = chosen.any(1)
    matched[rows[hit]] = chosen[hit].int().argmax(1)
    quality[rows[hit]] = iou[hit].gather(1, matched[rows[hit]][:, None]).squeeze(1)
    return matched, quality


def detection_loss(raw, points, targets):
    """`targets`: per image (boxes, classes, ignored boxes). Ignored boxes count neither way for vehicles."""
    kinds = len(CLASSES)
    scores, boxes = raw[..., :kinds], decode(raw, points)
    labels = torch.zeros_like(scores)
    weights = torch.ones_like(scores)
    picked, wanted, quality_all = [], [], []
    for i, (truth, classes, ignored) in enumerate(targets):
        matched, quality = assign(scores[i].detach(), boxes[i].detach(), points, truth, classes)
        for box in ignored:
            within = (points[:, 0] > box[0]) & (points[:, 1] > box[1]) & (points[:, 0] < box[2]) & (points[:, 1] < box[3])
            weights[i, within & (matched < 0), : kinds - 1] = 0
        index = (matched >= 0).nonzero().squeeze(1)
        labels[i, index, classes[matched[index]]] = quality[index]
        picked.append(index + i * len(points))
        wanted.append(truth[matched[index]])
        quality_all.append(quality[index])
    picked, wanted, quality = torch.cat(picked), torch.cat(wanted), torch.cat(quality_all)
    total = max(float(quality.sum()), 1.0)
    focal = F.binary_cross_entropy_with_logits(scores, labels, reduction="none")
    focal = (focal * (labels - scores.sigmoid()).abs().pow(2) * weights).sum() / total
    if len(picked) == 0:
        return focal, {"focal": float(focal.detach()), "giou": 0.0, "dfl": 0.0}
    own = boxes.reshape(-1, 4)[picked]
    overlap = ((1 - giou(own, wanted)) * quality).sum() / total
    spots = points.repeat(len(targets), 1)[picked]
    distance = torch.cat([spots[:, :2] - wanted[:, :2], wanted[:, 2:] - spots[:, :2]], 1) / spots[:, 2:3]
    distance = distance.clamp(0, REG_MAX - 0.01)
    logits = raw[..., kinds:].reshape(-1, 4, REG_MAX + 1)[picked].reshape(-1, REG_MAX + 1)
    low = distance.flatten().long()
    high_share = distance.flatten() - low
    dfl = F.cross_entropy(logits, low, reduction="none") * (1 - high_share)
    dfl = dfl + F.cross_entropy(logits, low + 1, reduction="none") * high_share
    dfl = (dfl.reshape(-1, 4).mean(1) * quality).sum() / total
    loss = focal + 2 * overlap + 0.25 * 4 * dfl
    return loss, {"focal": float(focal.detach()), "giou": float(overlap.detach()), "dfl": float(dfl.detach())}
