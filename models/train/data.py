"""Rendered frames, roughened on the fly into what real cameras, recorders and screens deliver."""

import os
import random

import cv2
import numpy as np
import torch

from detector import CLASSES, MEAN, STD

PAD = 114
PERSON = CLASSES.index("person")
# A box that keeps less than this of itself inside the picture is dropped.
KEEP = 0.25


def read_boxes(path):
    """Rows of class, centre x, centre y, width, height as shares of the picture."""
    if not os.path.exists(path):
        return np.zeros((0, 5), np.float32)
    rows = [[float(v) for v in line.split()[:5]] for line in open(path) if line.strip()]
    return np.array(rows, np.float32).reshape(-1, 5)


def letterbox(image, width, height):
    """Centred, padded with grey; returns the picture and (scale, left, top)."""
    scale = min(width / image.shape[1], height / image.shape[0])
    w, h = round(image.shape[1] * scale), round(image.shape[0] * scale)
    left, top = (width - w) // 2, (height - h) // 2
    canvas = np.full((height, width, 3), PAD, np.uint8)
    canvas[top : top + h, left : left + w] = cv2.resize(image, (w, h), interpolation=cv2.INTER_LINEAR)
    return canvas, (scale, left, top)


def tensor(image):
    return torch.from_numpy(((image.astype(np.float32) - np.float32(MEAN)) / np.float32(STD)).transpose(2, 0, 1).copy())


def colours(image, rng, roughness):
    """Exposure, contrast, cast and saturation, by tables: this runs for every sample."""
    ramp = np.arange(256, dtype=np.float32) / 255
    if rng.random() < 0.85 * roughness:
        ramp = ramp ** rng.uniform(0.55, 1.7)
        ramp = (ramp - 0.5) * rng.uniform(0.6, 1.4) + 0.5 + rng.uniform(-0.15, 0.15)
    cast = [rng.uniform(0.75, 1.25) if rng.random() < 0.5 * roughness else 1 for _ in range(3)]
    table = np.stack([np.clip(ramp * share, 0, 1) * 255 for share in cast], 1).astype(np.uint8)[None]
    image = cv2.LUT(image, table)
    grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    share = 0 if rng.random() < 0.15 * roughness else rng.uniform(1 - 0.7 * roughness, 1 + 0.4 * roughness)
    return cv2.addWeighted(image, share, grey, 1 - share, 0)


def sensor(image, rng, roughness):
    """Blur, resolution loss, noise, stripes of a filmed screen, compression."""
    h, w = image.shape[:2]
    if rng.random() < 0.3 * roughness:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.5))
    if rng.random() < 0.12 * roughness:
        size = rng.choice([3, 5, 7])
        kernel = np.zeros((size, size), np.float32)
        cv2.line(kernel, (rng.randrange(size), 0), (rng.randrange(size), size - 1), 1)
        kernel = kernel if rng.random() < 0.5 else kernel.T
        image = cv2.filter2D(image, -1, kernel / max(kernel.sum(), 1e-3))
    if rng.random() < 0.35 * roughness:
        share = rng.uniform(0.4, 0.9)
        small = cv2.resize(image, None, fx=share, fy=share, interpolation=rng.choice([cv2.INTER_AREA, cv2.INTER_LINEAR]))
        image = cv2.resize(small, (w, h), interpolation=rng.choice([cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_NEAREST]))
    if rng.random() < 0.15 * roughness:
        kernel = np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0]], np.float32)
        image = cv2.addWeighted(image, 0.4, cv2.filter2D(image, -1, kernel), 0.6, 0)
    if rng.random() < 0.1 * roughness:
        y, x = np.mgrid[0:h, 0:w].astype(np.float32)
        angle, period = rng.uniform(0, 3.14), rng.uniform(2.2, 9)
        wave = np.sin((x * np.cos(angle) + y * np.sin(angle)) * 6.283 / period)[..., None]
        image = np.clip(image + wave * rng.uniform(3, 14), 0, 255).astype(np.uint8)
    if rng.random() < 0.3 * roughness:
        noise = np.empty(image.shape, np.int16)
        cv2.randn(noise, 0, rng.uniform(1, 10))
        image = cv2.add(image, noise, dtype=cv2.CV_8U)
    if rng.random() < 0.5 * roughness:
        _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, rng.randint(15, 80)])
        image = cv2.imdecode(data, cv2.IMREAD_COLOR)
    return image


def transform_boxes(boxes, matrix, width, height):
    """Moves x1 y1 x2 y2 boxes by a homography; returns boxes clipped to the picture and which to keep."""
    if len(boxes) == 0:
        return boxes, np.zeros(0, bool)
    x1, y1, x2, y2 = boxes.T
    cx, cy, rx, ry = (x1 + x2) / 2, (y1 + y2) / 2, (x2 - x1) / 2, (y2 - y1) / 2
    # Points of an octagon instead of the corners: turned boxes stay tight around round things.
    unit = [(np.cos(a), np.sin(a)) for a in np.arange(8) * np.pi / 4 + np.pi / 8]
    points = np.stack([np.stack([cx + 1.04 * rx * u, cy + 1.04 * ry * v], 1) for u, v in unit], 1)
    moved = cv2.perspectiveTransform(points.reshape(-1, 1, 2).astype(np.float64), matrix).reshape(len(boxes), 8, 2)
    whole = np.concatenate([moved.min(1), moved.max(1)], 1)
    clipped = whole.copy()
    clipped[:, 0::2] = clipped[:, 0::2].clip(0, width)
    clipped[:, 1::2] = clipped[:, 1::2].clip(0, height)
    size = clipped[:, 2:] - clipped[:, :2]
    share = size.prod(1) / np.maximum((whole[:, 2:] - whole[:, :2]).prod(1), 1)
    return clipped.astype(np.float32), (share > KEEP) & (size.min(1) > 5)


class Photographs:
    """Real photographs for what no renderer draws: posters and patterns on walls, reflections, things cut out of
    photographs. `p*` are whole pictures, `s*` have an alpha channel."""

    def __init__(self, folder):
        names = sorted(os.listdir(folder))
        self.pictures = [cv2.imread(os.path.join(folder, n)) for n in names if n.startswith("p")]
        self.cutouts = [cv2.imread(os.path.join(folder, n), cv2.IMREAD_UNCHANGED) for n in names if n.startswith("s")]

    def crop(self, rng, width, height):
        """A random part of a random picture, `width` x `height`."""
        picture = rng.choice(self.pictures)
        h, w = picture.shape[:2]
        share = rng.uniform(0.25, 1)
        cw, ch = max(16, int(w * share)), max(16, int(h * share))
        x, y = rng.randrange(w - cw + 1), rng.randrange(h - ch + 1)
        part = cv2.resize(picture[y : y + ch, x : x + cw], (width, height), interpolation=cv2.INTER_AREA)
        return part[:, ::-1] if rng.random() < 0.5 else part

    def add(self, canvas, boxes, rng, roughness):
        """Blends photographs into the picture; what is in a box stays whole, but for reflections over everything."""
        h, w = canvas.shape[:2]
        free = np.ones((h, w, 1), np.float32)
        for x1, y1, x2, y2 in boxes.astype(int):
            free[max(y1, 0) : y2, max(x1, 0) : x2] = 0
        image = canvas.astype(np.float32)
        if rng.random() < 0.45 * roughness:
            for _ in range(rng.randint(1, 3)):
                cx, cy, rx, ry = rng.uniform(0, w), rng.uniform(0, h), rng.uniform(0.06, 0.4) * w, rng.uniform(0.06, 0.5) * h
                quad = np.float32([[cx + sx * rx * rng.uniform(0.5, 1.2), cy + sy * ry * rng.uniform(0.5, 1.2)] for sx, sy in ((-1, -1), (1, -1), (1, 1), (-1, 1))])
                matrix = cv2.getPerspectiveTransform(np.float32([[0, 0], [96, 0], [96, 96], [0, 96]]), quad)
                part = cv2.warpPerspective(self.crop(rng, 96, 96), matrix, (w, h))
                mask = cv2.warpPerspective(np.ones((96, 96), np.float32), matrix, (w, h))[..., None] * free * rng.uniform(0.5, 1)
                image = image * (1 - mask) + part * mask * rng.uniform(0.5, 1.1)
        if rng.random() < 0.3 * roughness and self.cutouts:
            cutout = rng.choice(self.cutouts)
            scale = rng.uniform(0.15, 0.55) * h / max(cutout.shape[:2])
            cutout = cv2.resize(cutout, None, fx=scale * rng.uniform(0.8, 1.25), fy=scale, interpolation=cv2.INTER_AREA)
            ch, cw = cutout.shape[:2]
            if ch < h and cw < w:
                x, y = rng.randrange(w - cw), rng.randrange(h - ch)
                mask = cutout[..., 3:].astype(np.float32) / 255 * free[y : y + ch, x : x + cw]
                image[y : y + ch, x : x + cw] = image[y : y + ch, x : x + cw] * (1 - mask) + cutout[..., :3] * mask
        if rng.random() < 0.4 * roughness:
            share = rng.uniform(0.08, 0.3)
            layer = self.crop(rng, w, h).astype(np.float32)
            if rng.random() < 0.5:
                image = image * (1 - share) + layer * share
            else:
                image = image * (1 + share * 3 * (layer.mean(-1, keepdims=True) / 128 - 1))
        return np.clip(image, 0, 255).astype(np.uint8)


def read_extra(folder):
    """Pictures of a YOLO data set, as `gridgate export-crops` writes it: class numbers are read by `classes.txt`.

    Classes the detector does not know are not learned as background: their boxes are ignored."""
    with open(os.path.join(folder, "classes.txt")) as file:
        names = [line.strip() for line in file if line.strip()]
    ours = np.array([CLASSES.index(name) if name in CLASSES else -1 for name in names])
    items = []
    for name in sorted(os.listdir(os.path.join(folder, "images"))):
        stem = os.path.splitext(name)[0]
        labels = read_boxes(os.path.join(folder, "labels", stem + ".txt"))
        labels[:, 0] = ours[labels[:, 0].astype(int)]
        ignored = read_boxes(os.path.join(folder, "ignored", stem + ".txt"))
        ignored[:, 0] = -1
        items.append((np.fromfile(os.path.join(folder, "images", name), np.uint8), np.concatenate([labels, ignored])))
    return items


class Rendered:
    """Pictures of folders made by simulators/cameras/render, `width` x `height` as the network takes them."""

    def __init__(self, folders, width, height, zoom=(0.75, 1.9), roughness=1.0, photos=None, extra=(), extra_share=0.2):
        self.photos = Photographs(photos) if photos else None
        self.width, self.height, self.zoom, self.roughness = width, height, zoom, roughness
        self.composites, self.composite_share = None, 0.0
        self.items = []
        for folder in folders:
            for name in sorted(os.listdir(os.path.join(folder, "images"))):
                stem = os.path.splitext(name)[0]
                labels = read_boxes(os.path.join(folder, "labels", stem + ".txt"))
                ignored = read_boxes(os.path.join(folder, "ignored", stem + ".txt"))
                ignored[:, 0] = -1
                path = os.path.join(folder, "images", name)
                self.items.append((np.fromfile(path, np.uint8), np.concatenate([labels, ignored])))
        added = [item for folder in extra for item in read_extra(folder)]
        # Repeated until they are their share of an epoch: a site has tens of crops beside thousands of renders.
        wanted = round(len(self.items) * extra_share / (1 - extra_share))
        self.items += [added[i % len(added)] for i in range(wanted)] if added else []

    def __len__(self):
        return len(self.items)

    def plain(self, index):
        data, rows = self.items[index]
        image = cv2.imdecode(data, cv2.IMREAD_COLOR)
        h, w = image.shape[:2]
        centre, half = rows[:, 1:3] * [w, h], rows[:, 3:5] * [w / 2, h / 2]
        return image, rows[:, 0].astype(int), np.concatenate([centre - half, centre + half], 1).astype(np.float32)

    def _placed(self, index, rng, frame, zoom):
        """One picture warped into `frame` (x, y, w, h) of the canvas."""
        image, classes, boxes = self.plain(index)
        h, w = image.shape[:2]
        if rng.random() < 0.5:
            image = image[:, ::-1]
            boxes[:, [0, 2]] = w - boxes[:, [2, 0]]
        image = colours(np.ascontiguousarray(image), rng, self.roughness)
        fx, fy, fw, fh = frame
        scale = min(fw / w, fh / h) * rng.uniform(*zoom)
        stretch = rng.uniform(0.82, 1.2)
        angle = rng.gauss(0, 0.07) if rng.random() < 1 - 0.2 * self.roughness else rng.uniform(-0.35, 0.35)
        c, s = np.cos(angle), np.sin(angle)
        matrix = np.array([[1, 0, -w / 2], [0, 1, -h / 2], [0, 0, 1]], np.float64)
        matrix = np.diag([scale * stretch, scale / stretch, 1]) @ matrix
        matrix = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ matrix
        if rng.random() < 0.35 * self.roughness:
            matrix = np.array([[1, 0, 0], [0, 1, 0], [rng.gauss(0, 4e-4), rng.gauss(0, 4e-4), 1]]) @ matrix
        slack_x = max(fw * 0.1, abs(scale * stretch * w - fw) / 2)
        slack_y = max(fh * 0.1, abs(scale / stretch * h - fh) / 2)
        move = [fx + fw / 2 + rng.uniform(-1, 1) * slack_x, fy + fh / 2 + rng.uniform(-1, 1) * slack_y]
        matrix = np.array([[1, 0, move[0]], [0, 1, move[1]], [0, 0, 1]]) @ matrix
        return image, classes, boxes, matrix

    def rough(self, index, rng):
        """A training sample: picture, classes, boxes, ignored boxes."""
        W, H = self.width, self.height
        many = rng.random() < 0.18 * self.roughness**2
        if many:
            cx, cy = int(W * rng.uniform(0.35, 0.65)), int(H * rng.uniform(0.35, 0.65))
            frames = [(0, 0, cx, cy), (cx, 0, W - cx, cy), (0, cy, cx, H - cy), (cx, cy, W - cx, H - cy)]
        else:
            # Letterboxed squares and panoramas, and now and then a bar as around a filmed screen.
            margin_x = W * (rng.uniform(0, 0.22) if rng.random() < 0.4 else 0)
            margin_y = H * (rng.uniform(0.02, 0.2) if rng.random() < 0.4 else 0)
            frames = [(margin_x, margin_y, W - 2 * margin_x, H - 2 * margin_y)]
        grey = PAD if rng.random() < 0.7 else rng.randint(0, 60)
        canvas = np.full((H, W, 3), grey, np.uint8)
        all_classes, all_boxes = [], []
        for number, (fx, fy, fw, fh) in enumerate(frames):
            pick = index if number == 0 else rng.randrange(len(self))
            image, classes, boxes, matrix = self._placed(pick, rng, (fx, fy, fw, fh), (1.0, 1.8) if many else self.zoom)
            warped = cv2.warpPerspective(image, matrix, (W, H), flags=cv2.INTER_LINEAR, borderValue=(grey, grey, grey))
            x1, y1, x2, y2 = (round(v) for v in (fx, fy, fx + fw, fy + fh))
            canvas[y1:y2, x1:x2] = warped[y1:y2, x1:x2]
            moved, keep = transform_boxes(boxes, matrix, W, H)
            before = np.maximum((moved[:, 2:] - moved[:, :2]).prod(1), 1)
            moved[:, 0::2] = moved[:, 0::2].clip(x1, x2)
            moved[:, 1::2] = moved[:, 1::2].clip(y1, y2)
            size = moved[:, 2:] - moved[:, :2]
            keep &= (size.prod(1) / before > KEEP) & (size.min(1) > 5)
            all_classes.append(classes[keep])
            all_boxes.append(moved[keep])
        classes, boxes = np.concatenate(all_classes), np.concatenate(all_boxes)
        if self.photos:
            canvas = self.photos.add(canvas, boxes, rng, self.roughness)
        if rng.random() < 0.12 * self.roughness:
            for _ in range(rng.randint(1, 3)):
                w, h = rng.randint(8, W // 5), rng.randint(8, H // 3)
                x, y = rng.randrange(W - w), rng.randrange(H - h)
                canvas[y : y + h, x : x + w] = [rng.randint(0, 255) for _ in range(3)]
        # What nobody could see must not be asked for.
        light = float(canvas.mean())
        if light < 45:
            canvas = cv2.convertScaleAbs(canvas, alpha=rng.uniform(45, 80) / max(light, 8))
        canvas = sensor(canvas, rng, self.roughness)
        ignored = classes < 0
        return canvas, classes[~ignored], boxes[~ignored], boxes[ignored]

    def batch(self, indices, rng):
        """Pictures (batch x height x width x 3 bytes) and targets; a share are pairs of composites where there are cut-outs."""
        samples = []
        while len(samples) < len(indices):
            if self.composites and rng.random() < self.composite_share and len(samples) + 2 <= len(indices):
                samples += self.composites.pair(rng)
            else:
                samples.append(self.rough(indices[len(samples)], rng))
        targets = [
            (torch.from_numpy(boxes).float().reshape(-1, 4), torch.from_numpy(classes).long(), torch.from_numpy(ignored).float().reshape(-1, 4))
            for _, classes, boxes, ignored in samples
        ]
        return torch.from_numpy(np.stack([image for image, *_ in samples])), targets


class Batches(torch.utils.data.IterableDataset):
    """Batches without end, each worker process with its own order and chance."""

    def __init__(self, data, size, seed):
        self.data, self.size, self.seed = data, size, seed

    def __iter__(self):
        worker = torch.utils.data.get_worker_info()
        if worker:
            cv2.setNumThreads(0)
        rng = random.Random(self.seed + 1000 * worker.id if worker else self.seed)
        order = []
        while True:
            if len(order) < self.size:
                order = list(range(len(self.data)))
                rng.shuffle(order)
            indices, order = order[: self.size], order[self.size :]
            yield self.data.batch(indices, rng)


def prepared(images, targets, device):
    """What the network and the loss take, on the device."""
    mean, std = (torch.tensor(values, device=device).view(1, 3, 1, 1) for values in (MEAN, STD))
    images = (images.to(device).permute(0, 3, 1, 2).float() - mean) / std
    return images.contiguous(memory_format=torch.channels_last), [tuple(part.to(device) for part in target) for target in targets]
