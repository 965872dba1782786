"""Wearable recordings for the fall model: reading, candidates, rougher sensors, features.

A data set is `<name>.i16` (little-endian int16, three columns in 1/1024 g, 50 Hz) and `<name>.json` with
`recordings[]`. Everything a gateway does to samples at run time is done here in the same way: candidates by
`gateway/inference/fall/trigger.ts`, features by `gateway/inference/fall/features.ts`; fall-features.json holds both to it.
"""

import json
import math
import os
from dataclasses import dataclass

import numpy as np
import torch

RATE = 50
BEFORE, AFTER = 100, 100
WINDOW = BEFORE + AFTER
MARGIN = 40
CHANNELS = ("vertical", "horizontal", "norm", "verticalAfter", "jerk")
# A candidate is the highest norm within a second on both sides, and at least this high (g).
TRIGGER = {"waist": 1.4, "wrist": 1.6}
PEAK_APART = 50

# Only sets whose licence (or, for SisFall, whose offer to researchers) allows training; see the model cards.
SETS = {
    "waist": ("sisfall-waist-young-a", "sisfall-waist-young-b", "sisfall-waist-elderly-dev", "umafall-waist"),
    "wrist": ("umafall-wrist", "spsw-wrist-adl", "stresspredict-wrist-adl-dev"),
}
# Of the windows to train on: falls, peaks without one, gestures made stronger, calm with knocks or claps. A waist does
# not gesture.
SHARES = {"waist": (0.4, 0.45, 0.0, 0.15), "wrist": (0.4, 0.35, 0.13, 0.12)}


@dataclass
class Recording:
    source: str
    subject: str
    activity: str
    fall: bool
    elderly: bool
    samples: np.ndarray
    # Index of the impact in a recording with a fall.
    impact: int
    candidates: np.ndarray


def norms(samples):
    return np.sqrt((samples.astype(np.float64) ** 2).sum(-1))


def candidates(norm, trigger):
    """Indices of peaks: at least `trigger`, higher than the second before and not lower than the second after."""
    found = []
    for at in np.flatnonzero(norm >= trigger):
        earlier, later = norm[max(0, at - PEAK_APART) : at], norm[at + 1 : at + 1 + PEAK_APART]
        if (not len(earlier) or earlier.max() < norm[at]) and (not len(later) or later.max() <= norm[at]):
            found.append(at)
    return np.array(found, dtype=np.int64)


def read(folder, name, trigger):
    with open(os.path.join(folder, name + ".json")) as file:
        document = json.load(file)
    data = np.fromfile(os.path.join(folder, name + ".i16"), "<i2").reshape(-1, 3)
    for row in document["recordings"]:
        samples = data[row["start"] : row["start"] + row["length"]].astype(np.float32) / 1024
        norm = norms(samples)
        impact = -1
        if row["fall"]:
            start = int(row.get("fallStartS", 0) * RATE)
            end = int((row["fallEndS"] + 2) * RATE) if "fallEndS" in row else len(norm)
            impact = start + int(norm[start:end].argmax())
        found = candidates(norm, trigger)
        yield Recording(name, row["subject"], row["activity"], row["fall"], row["elderly"], samples, impact, found)


def folds_of(recordings, count):
    """Fold per person: people with most falls are dealt out first, per family of sets, so that folds are alike."""
    falls, family = {}, {}
    for recording in recordings:
        falls[recording.subject] = falls.get(recording.subject, 0) + recording.fall
        family[recording.subject] = recording.subject[:2]
    order = sorted(falls, key=lambda subject: (family[subject], -falls[subject], subject))
    return {subject: position % count for position, subject in enumerate(order)}


def cut(samples, at, margin=0):
    """Window around `at`, ends held where the recording has none."""
    index = np.arange(at - BEFORE - margin, at + AFTER + margin).clip(0, len(samples) - 1)
    return samples[index]


@dataclass
class Pool:
    """Features of roughened windows, made once and shared by all folds. Each row knows whose it is."""

    features: torch.Tensor
    label: torch.Tensor
    subject: np.ndarray

    def of(self, subjects):
        rows = torch.from_numpy(np.flatnonzero(np.isin(self.subject, list(subjects))))
        fall = self.label[rows] == 1
        return rows[fall], rows[~fall]


def windows_of(recording):
    """Indices of the candidates that teach something, and whether they are falls."""
    for at in recording.candidates:
        if not recording.fall:
            yield at, 0
        # Peaks of the fall beside the highest one, and getting up, teach nothing clear.
        elif abs(at - recording.impact) <= 15:
            yield at, 1
        elif at <= recording.impact - 3 * RATE:
            yield at, 0


def pool_of(recordings, main, shares, rng, size=30000):
    """
    `size` roughened windows in the given shares: falls, peaks without one, gestures too weak for a candidate and made
    stronger, stretches of calm with a knock or claps added. Sets are drawn by
    the square root of their size: a small one counts, and a big one does not drown it; sets of `main` four times more.
    """
    groups, calm, gestures = {}, [], []
    for number, recording in enumerate(recordings):
        for at, fall in windows_of(recording):
            groups.setdefault((recording.source, fall), []).append((number, at))
        if not recording.fall:
            norm = norms(recording.samples)
            gestures += [(number, at) for at in candidates(norm, 1.2) if norm[at] < 1.7]
            calm += [(number, int(rng.integers(len(recording.samples)))) for _ in range(max(1, len(recording.samples) // 3000))]
    made, labels, subjects = [], [], []

    def add(picks, fall, change=None):
        for start in range(0, len(picks), 256):
            part = picks[start : start + 256]
            raw = torch.from_numpy(np.stack([cut(recordings[number].samples, at, MARGIN) for number, at in part]))
            made.append(features(settle(roughen(change(raw) if change else raw))).half())
        labels.extend([fall] * len(picks))
        subjects.extend(recordings[number].subject for number, _ in picks)

    for fall, share in ((1, shares[0]), (0, shares[1])):
        weights = {key: math.sqrt(len(rows)) * (4 if key[0] in main else 1) for key, rows in groups.items() if key[1] == fall}
        for key, weight in weights.items():
            rows = groups[key]
            count = int(size * share * weight / sum(weights.values()))
            # Every window once before any a second time.
            order = np.concatenate([rng.permutation(len(rows)) for _ in range(count // len(rows) + 1)])[:count]
            add([rows[n] for n in order], fall)
    add([gestures[n] for n in rng.integers(len(gestures), size=int(size * shares[2]))], 0, stronger)
    add([calm[n] for n in rng.integers(len(calm), size=int(size * shares[3]))], 0, knocked)
    label = torch.tensor(labels, dtype=torch.float32)
    return Pool(torch.cat(made), label, np.array(subjects))


def features(window):
    """[n, 200, 3] in g, impact at row 100 → [n, 5, 200]. The same as gateway/inference/fall/features.ts."""
    # Gravity before: a median over 1.5 s that ends half a second before the impact; after: the last 1.02 s.
    before = unit(window[:, 0:75].median(1).values)
    after = unit(window[:, 149:200].median(1).values)
    square = (window * window).sum(-1)
    vertical = (window * before[:, None]).sum(-1)
    vertical_after = (window * after[:, None]).sum(-1)
    horizontal = (square - vertical * vertical).clamp_min(0).sqrt()
    jerk = torch.zeros_like(vertical)
    jerk[:, 1:] = (window[:, 1:] - window[:, :-1]).norm(dim=-1)
    return torch.asinh(torch.stack([vertical, horizontal, square.sqrt(), vertical_after, jerk], 1))


def unit(vector):
    length = vector.norm(dim=-1, keepdim=True)
    up = torch.tensor([0, 0, 1], dtype=vector.dtype)
    return torch.where(length < 0.1, up, vector / length.clamp_min(0.1))


def at_positions(x, position):
    """Linear interpolation of [n, t, 3] at fractional rows [n, u]."""
    position = position.clamp(0, x.shape[1] - 1.001)
    low = position.floor()
    share = (position - low)[..., None]
    index = low.long()[..., None].expand(-1, -1, 3)
    return x.gather(1, index) * (1 - share) + x.gather(1, index + 1) * share


def uniform(n, low, high, *shape):
    return torch.rand(n, *shape) * (high - low) + low


def chance(n, share):
    return torch.rand(n) < share


def fill(x, present):
    """Replaces missing rows by a line between their neighbours, as the gateway does."""
    length = x.shape[1]
    row = torch.arange(length).expand(x.shape[0], -1)
    left = torch.where(present, row, torch.tensor(-1)).cummax(1).values
    right = torch.where(present, row, torch.tensor(length)).flip(1).cummin(1).values.flip(1)
    left, right = torch.where(left < 0, right, left).clamp(0, length - 1), torch.where(right >= length, left, right).clamp(0, length - 1)
    share = ((row - left).float() / (right - left).clamp_min(1))[..., None]
    take = lambda index: x.gather(1, index[..., None].expand(-1, -1, 3))
    return take(left) * (1 - share) + take(right) * share


def knock(x, strength):
    """Adds a short blow at the middle: half a sine of 20–80 ms, sometimes with a rebound."""
    n, length = x.shape[:2]
    direction = unit(torch.randn(n, 3))
    row = torch.arange(length).float()[None]
    width = uniform(n, 1, 4, 1)
    at = length / 2 + uniform(n, -1, 1, 1)
    pulse = torch.cos((row - at) / width * math.pi / 2) * ((row - at).abs() < width)
    rebound = -torch.cos((row - at - 2 * width) / width * math.pi / 2) * ((row - at - 2 * width).abs() < width)
    shape = pulse + rebound * uniform(n, 0, 0.7, 1)
    return x + direction[:, None] * (shape * strength[:, None])[..., None]


def knocked(x):
    strength = torch.exp(torch.empty(len(x)).uniform_(math.log(0.6), math.log(16)))
    return torch.where(chance(len(x), 0.5)[:, None, None], knock(x, strength), clapping(x, strength))


def stronger(x):
    """The same gesture with up to five times the strength: an arm that drops is no fall however hard."""
    gravity = x[:, : x.shape[1] // 3].median(1, keepdim=True).values
    return gravity + (x - gravity) * uniform(len(x), 1.3, 5, 1, 1)


def clapping(x, strength):
    """Adds a train of blows, as clapping, knocking at a door or hammering gives: 1.5–6 a second for 0.5–5 s."""
    n, length = x.shape[:2]
    period = uniform(n, 8, 33, 1)
    first, last = -torch.randint(0, 12, (n, 1)), torch.randint(0, 12, (n, 1))
    way = unit(torch.randn(n, 3))
    row = torch.arange(length).float()[None]
    width = uniform(n, 1, 3, 1)
    for beat in range(-11, 12):
        height = strength[:, None] * uniform(n, 0.5, 1, 1) * ((beat >= first) & (beat <= last))
        away = (row - length / 2 - beat * period - torch.randn(n, 1) * 0.06 * period) / width
        pulse = torch.cos(away * math.pi / 2) * (away.abs() < 1) - 0.4 * torch.cos((away - 2) * math.pi / 2) * ((away - 2).abs() < 1)
        x = x + (way + torch.randn(n, 3) * 0.2)[:, None] * (pulse * height)[..., None]
    return x


def roughen(x, share=0.75):
    """What other sensors, rates, mountings and links do to [n, 280, 3]; `1 − share` of the windows stay as they are."""
    n, length = x.shape[:2]
    middle = length / 2
    touched = chance(n, share)
    some = lambda part: touched & chance(n, part)

    # Rotation first: everything below that is per axis must not depend on the set's mounting.
    q, r = torch.linalg.qr(torch.randn(n, 3, 3))
    x = torch.bmm(x, q * torch.sign(torch.diagonal(r, dim1=1, dim2=2))[:, None])

    # The mounting slips, slowly or at the impact.
    axis = unit(torch.randn(n, 3))
    angle = torch.where(some(0.25), uniform(n, -0.4, 0.4), torch.zeros(n))
    ramp = ((torch.arange(length) - middle)[None] / uniform(n, 5, 150, 1) + 0.5).clamp(0, 1)
    turned = angle[:, None] * ramp
    cross = torch.cross(axis[:, None].expand_as(x), x, dim=-1)
    along = (x * axis[:, None]).sum(-1, keepdim=True) * axis[:, None]
    x = x * torch.cos(turned)[..., None] + cross * torch.sin(turned)[..., None] + along * (1 - torch.cos(turned))[..., None]

    # Strength and speed of the body differ, clocks of sensors too.
    g = x[:, : length // 3].median(1, keepdim=True).values
    x = torch.where(some(0.3)[:, None, None], g + (x - g) * uniform(n, 0.75, 1.25, 1, 1), x)
    row = torch.arange(length).float()[None].expand(n, -1)
    speed = torch.where(some(0.4), uniform(n, 0.88, 1.12), torch.ones(n))[:, None]
    position = middle + (row - middle) * speed
    jitter = torch.where(some(0.2), uniform(n, 0, 0.35), torch.zeros(n))[:, None] * torch.randn(n, length)
    step = 50 / torch.tensor([50.0, 40.0, 32.0, 25.0, 20.0])[torch.randint(5, (n,))]
    step = torch.where(some(0.6), step, torch.ones(n))[:, None]
    phase = torch.rand(n, 1) * step
    low = ((position - phase) / step).floor()
    fraction = (position - phase) / step - low
    sampled = lambda index: at_positions(x, index * step + phase + jitter)
    rated = sampled(low) * (1 - fraction)[..., None] + sampled(low + 1) * fraction[..., None]
    x = torch.where((touched & ((step[:, 0] > 1) | (speed[:, 0] != 1)))[:, None, None], rated, x)

    # Sensors with a low pass.
    padded = torch.cat([x[:, :1], x, x[:, -1:]], 1)
    smooth = (padded[:, :-2] + 2 * padded[:, 1:-1] + padded[:, 2:]) / 4
    x = torch.where(some(0.2)[:, None, None], smooth, x)

    gain = torch.where(some(0.5)[:, None], uniform(n, 0.93, 1.07, 3), torch.ones(n, 3))
    offset = torch.where(some(0.5)[:, None], torch.randn(n, 3) * 0.03, torch.zeros(n, 3))
    x = x * gain[:, None] + offset[:, None]
    x = x + torch.randn_like(x) * torch.where(some(0.3), uniform(n, 0, 0.03), torch.zeros(n))[:, None, None]
    limit = torch.tensor([2.0, 2.0, 4.0, 8.0, 16.0])[torch.randint(5, (n,))]
    limit = torch.where(some(0.6), limit, torch.full((n,), 16.0))[:, None, None]
    x = torch.minimum(torch.maximum(x, -limit), limit)

    # Lost samples and lost packets.
    lost = torch.rand(n, length) < torch.where(some(0.35), uniform(n, 0, 0.15), torch.zeros(n))[:, None]
    begin = uniform(n, 0, length, 1)
    burst = (row >= begin) & (row < begin + uniform(n, 2, 20, 1)) & some(0.15)[:, None]
    x = fill(x, ~(lost | burst))
    return x


def settle(x):
    """Finds the peak again after roughening, as the trigger would, and cuts [n, 200, 3] around it."""
    n, length = x.shape[:2]
    middle = length // 2
    reach = 30
    at = x[:, middle - reach : middle + reach].norm(dim=-1).argmax(1) + middle - reach
    start = (at - BEFORE).clamp(0, length - WINDOW)
    row = start[:, None] + torch.arange(WINDOW)
    # The link broke after the fall, or the band had just been switched on.
    last = start + BEFORE + torch.where(chance(n, 0.06), torch.randint(15, AFTER, (n,)), torch.tensor(AFTER))
    first = start + BEFORE - torch.where(chance(n, 0.06), torch.randint(30, BEFORE, (n,)), torch.tensor(BEFORE))
    row = torch.minimum(torch.maximum(row, first[:, None]), (last - 1)[:, None])
    return x.gather(1, row[..., None].expand(-1, -1, 3))
