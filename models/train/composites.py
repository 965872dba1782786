"""Training pictures made of cut-outs (simulators/cameras/render, `--cutouts`) laid over other pictures, in pairs.

Both pictures of a pair have the same background, bystanders, light and damage; in one an e-bike stands where in the
other something else stands, or nothing. Whatever a score could hang on but the e-bike itself is the same in both.
"""

import os
import random

import cv2
import numpy as np

from data import KEEP, colours, read_boxes, sensor, transform_boxes
from detector import CLASSES

E_BIKE = CLASSES.index("e-bike")
# A labelled thing of which less than this is left uncovered is neither asked for nor background.
UNCOVERED = 0.3


class Cutouts:
    """RGBA pictures, each cut to what is seen, by what they show: a class name or `clutter`."""

    def __init__(self, folders):
        self.kinds = {}
        for folder in folders:
            for name in sorted(os.listdir(os.path.join(folder, "images"))):
                image = cv2.imread(os.path.join(folder, "images", name), cv2.IMREAD_UNCHANGED)
                if image is None or image.ndim != 3 or image.shape[2] != 4:
                    continue
                rows, columns = np.nonzero(image[..., 3].max(1))[0], np.nonzero(image[..., 3].max(0))[0]
                if len(rows) < 12 or len(columns) < 12:
                    continue
                h, w = image.shape[:2]
                boxes = read_boxes(os.path.join(folder, "labels", os.path.splitext(name)[0] + ".txt"))
                classes = boxes[:, 0].astype(int)
                left, top = columns[0], rows[0]
                centre, half = boxes[:, 1:3] * [w, h] - [left, top], boxes[:, 3:5] * [w / 2, h / 2]
                image = image[top : rows[-1] + 1, left : columns[-1] + 1].copy()
                # Edges show what lay behind the object when it was rendered: nothing, black.
                image[..., 3] = cv2.erode(image[..., 3], np.ones((3, 3), np.uint8))
                vehicles = [c for c in classes if CLASSES[c] != "person"]
                kind = CLASSES[vehicles[0]] if vehicles else "person" if len(classes) else "clutter"
                self.kinds.setdefault(kind, []).append((image, classes, np.concatenate([centre - half, centre + half], 1).astype(np.float32)))
        self.vehicle = [kind for kind in self.kinds if kind not in ("e-bike", "person", "clutter")]

    def __len__(self):
        return sum(len(items) for items in self.kinds.values())

    def pick(self, kind, rng):
        return rng.choice(self.kinds[kind])


def surface(width, height, rng):
    """A wall of nothing in particular: a gradient with stripes and patches."""
    low = np.float32([rng.uniform(0, 230)] * 3) + np.float32([rng.gauss(0, 14) for _ in range(3)])
    high = low + rng.gauss(0, 50)
    ramp = np.linspace(0, 1, width, dtype=np.float32)[None, :, None] if rng.random() < 0.5 else np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    canvas = np.ascontiguousarray(np.broadcast_to(low + (high - low) * ramp, (height, width, 3)).clip(0, 255).astype(np.uint8))
    for _ in range(rng.randint(0, 12)):
        colour = [rng.randint(0, 255)] * 3 if rng.random() < 0.5 else [rng.randint(0, 255) for _ in range(3)]
        points = np.int32([[rng.randrange(-40, width + 40), rng.randrange(-40, height + 40)] for _ in range(rng.choice([2, 2, 3, 4]))])
        if len(points) == 2:
            cv2.line(canvas, tuple(map(int, points[0])), tuple(map(int, points[1])), colour, rng.randint(1, 6), cv2.LINE_AA)
        else:
            cv2.fillPoly(canvas, [points], colour, cv2.LINE_AA)
    return canvas


class Composites:
    """`rendered` hands out backgrounds (those without vehicles) and photographs."""

    def __init__(self, cutouts, rendered):
        self.cutouts, self.rendered = cutouts, rendered
        # What stands in the e-bike's place: mostly what real detectors take for one, wheels above all.
        self.others = ["person"] * 3 + ["clutter"] * 2 + [kind for kind in cutouts.vehicle for _ in range({"wheelchair": 4, "bicycle": 3}.get(kind, 1))]
        self.empty = [i for i, (_, rows) in enumerate(rendered.items) if not len(rows) or (rows[:, 0] == CLASSES.index("person")).all()]

    def background(self, rng, W, H):
        """A picture and the boxes (with classes) of the persons in it."""
        draw = rng.random()
        none = np.zeros(0, int), np.zeros((0, 4), np.float32)
        photos = self.rendered.photos
        if photos and draw < 0.35:
            return photos.crop(rng, W, H).copy(), *none
        if draw < 0.45 or not self.empty:
            return surface(W, H, rng), *none
        image, classes, boxes, matrix = self.rendered._placed(rng.choice(self.empty), rng, (0, 0, W, H), (1.0, 2.4))
        image = cv2.warpPerspective(image, matrix, (W, H), borderMode=cv2.BORDER_REFLECT)
        moved, keep = transform_boxes(boxes, matrix, W, H)
        classes, boxes = classes[keep], moved[keep]
        if photos:
            image = photos.add(image, boxes, rng, self.rendered.roughness)
        return image, classes, boxes

    def plan(self, rng, W, H):
        """What stands where: kind, place, size, turn; the first is what the pair differs in."""
        places = []
        count = rng.choice([1, 1, 2, 2, 3, 4])
        for number in range(count):
            kind = "e-bike" if number == 0 else rng.choice(["person"] * 5 + ["clutter"] * 3 + self.cutouts.vehicle)
            size = H * np.exp(rng.uniform(np.log(0.28), np.log(1.25))) if number == 0 else 0
            places.append({"kind": kind, "x": rng.uniform(0.05, 0.95) * W, "y": rng.uniform(0.15, 1.0) * H, "size": size})
        first = places[0]
        for other in places[1:]:
            # Bystanders have the vehicle's scale; half of them stand before it.
            other["size"] = first["size"] * rng.uniform(0.6, 1.5)
            if rng.random() < 0.5:
                other["x"], other["y"] = first["x"] + rng.gauss(0, 0.5) * first["size"], first["y"] + rng.gauss(0.1, 0.4) * first["size"]
        for place in places:
            place.update(flip=rng.random() < 0.5, turn=rng.gauss(0, 0.12), seed=rng.random(), light=rng.uniform(0.55, 1.35))
        return places

    def lay(self, canvas, place, cutout):
        """Lays one cut-out; returns its mask, classes and boxes."""
        H, W = canvas.shape[:2]
        image, classes, boxes = cutout
        h, w = image.shape[:2]
        rng = random.Random(place["seed"])
        scale = place["size"] / max(h, w)
        c, s = np.cos(place["turn"]) * scale, np.sin(place["turn"]) * scale
        mirror = -1 if place["flip"] else 1
        matrix = np.array([[c * mirror, -s, 0], [s * mirror, c, 0], [0, 0, 1]]) @ np.array([[1, 0, -w / 2], [0, 1, -h / 2], [0, 0, 1]], np.float64)
        matrix[:2, 2] += [place["x"], place["y"]]
        if scale < 0.6:
            image = cv2.GaussianBlur(image, (0, 0), 0.35 / scale)
        warped = cv2.warpAffine(image, matrix[:2], (W, H), flags=cv2.INTER_LINEAR)
        mask = cv2.GaussianBlur(warped[..., 3], (0, 0), rng.uniform(0.4, 0.9)).astype(np.float32)[..., None] / 255
        tint = np.float32([rng.uniform(0.88, 1.12) for _ in range(3)]) * place["light"]
        thing = warped[..., :3].astype(np.float32) * tint + rng.uniform(0, 35)
        ground = canvas.astype(np.float32)
        if rng.random() < 0.6:
            depth = max(2.0, place["size"] * rng.uniform(0.03, 0.1))
            shade = np.zeros((H, W), np.float32)
            shade[int(depth) :] = mask[: H - int(depth), :, 0]
            ground *= 1 - cv2.GaussianBlur(shade, (0, 0), depth)[..., None] * rng.uniform(0.2, 0.7)
        canvas[:] = (ground * (1 - mask) + thing * mask).clip(0, 255).astype(np.uint8)
        moved, keep = transform_boxes(boxes, matrix, W, H)
        keep &= (moved[:, 2:] - moved[:, :2]).min(1, initial=99) > 6
        return mask[..., 0] > 0.5, classes[keep], moved[keep]

    def compose(self, background, places, cutouts):
        image, classes, boxes = background
        canvas = image.copy()
        all_classes, all_boxes, masks = [*classes], [*boxes], [None] * len(classes)
        for place, cutout in zip(places, cutouts):
            if cutout is None:
                continue
            mask, classes, boxes = self.lay(canvas, place, cutout)
            for index, (box, before) in enumerate(zip(all_boxes, masks)):
                x1, y1, x2, y2 = box.astype(int)
                region = mask[y1 : y2 + 1, x1 : x2 + 1]
                own = before[y1 : y2 + 1, x1 : x2 + 1] if before is not None else np.ones_like(region)
                if (own & ~region).sum() < UNCOVERED * max(own.sum(), 1):
                    all_classes[index] = -1
            all_classes += [*classes]
            all_boxes += [*boxes]
            masks += [mask] * len(classes)
        return canvas, np.array(all_classes, int), np.array(all_boxes, np.float32).reshape(-1, 4)

    def pair(self, rng):
        """Two samples: picture, classes, boxes, ignored boxes. The first has the e-bike."""
        W, H, roughness = self.rendered.width, self.rendered.height, self.rendered.roughness
        background, places = self.background(rng, W, H), self.plan(rng, W, H)
        chosen = [self.cutouts.pick(place["kind"], rng) for place in places]
        instead = None if rng.random() < 0.25 else self.cutouts.pick(rng.choice(self.others), rng)
        seed = rng.random()
        samples = []
        for first in (chosen[0], instead):
            canvas, classes, boxes = self.compose(background, places, [first, *chosen[1:]])
            same = random.Random(seed)
            canvas = sensor(colours(canvas, same, roughness), same, roughness)
            ignored = classes < 0
            samples.append((canvas, classes[~ignored], boxes[~ignored], boxes[ignored]))
        return samples
