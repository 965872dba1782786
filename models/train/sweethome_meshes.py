"""Takes the meshes that the lift's renderer can use out of Debian's sweethome3d-furniture.

    apt-get download sweethome3d-furniture && dpkg -x sweethome3d-furniture_*.deb debs
    python3 models/train/sweethome_meshes.py debs/usr/share/sweethome3d/furniture meshes

Writes OBJ, MTL and textures and the `manifest.json` that simulators/cameras/render reads (`--meshes`).
"""

import json
import os
import re
import sys
import zipfile

SCOPIA = "Scopia and eTeks (Sweet Home 3D), CC BY 3.0"
LICENCES = {
    "Scopia": SCOPIA,
    "BlendSwap-CC-BY": "CC BY 3.0",
    "BlendSwap-CC-0": "CC0 1.0",
    "KatorLegaz": "Kator Legaz, CC BY 3.0 US",
    "Reallusion": "Reallusion, CC BY 3.0 US",
}
# Library, model, class, where it drives to (axis of the file). Sizes come from the catalogue.
WANTED = [
    ("Scopia", "scooter2", "e-bike", "z"),
    ("KatorLegaz", "scooter", "e-bike", "z"),
    ("Scopia", "yamaha-yzr-r6", "e-bike", "z"),
    ("Scopia", "bicycle", "bicycle", "z"),
    ("BlendSwap-CC-BY", "bike", "bicycle", "z"),
    ("Scopia", "stroller", "stroller", "z"),
    ("BlendSwap-CC-BY", "wheelchair", "wheelchair", "z"),
    ("BlendSwap-CC-BY", "suitcase", "trolley", "x"),
]
PERSONS = [("Reallusion", name) for name in (
    "male01 male02 male03 female01 female02 female03 holdingMale01 holdingFemale01 holdingFemale02 holdingFemale03 "
    "boyStanding girlStanding"
).split()] + [("KatorLegaz", "male-01-suit"), ("KatorLegaz", "female-01-casual-clothing")] + [("Scopia", "mannequinMale"), ("Scopia", "mannequinBrunette")]
CLUTTER = {
    "Scopia": "dog cat tricycle scooter cardboard-box open-cardboard-box shopping-basket step-ladder clothes-basket "
    "baby_high_chair mower skateboard chair plastic_chair bookcase indoor-bike clothes-washing-machine water-cooler "
    "helmet basin ficus",
    "BlendSwap-CC-BY": "backpack bulldog yucca treadmill chair childChair toyTrain",
    "BlendSwap-CC-0": "motorbike wheelbarrow dustbin foldingChair handbag briefcase box barrel crate stool umbrella "
    "littlePlant electricGuitar winchesterArmchair",
    "KatorLegaz": "fridge residential-trashcan recycling-bin bullet-trash-can cafe-chair filing-cabinet",
}


def catalogue(archive):
    """Model path -> its entries, from the library's .properties."""
    text = archive.read("PluginFurnitureCatalog.properties").decode("latin1")
    rows = {}
    for key, number, value in re.findall(r"^(\w+)#(\d+)=(.*?)\s*$", text, re.M):
        rows.setdefault(number, {})[key] = value
    return {row["model"].lstrip("/"): row for row in rows.values() if "model" in row}


def main(furniture, out):
    manifest = []
    wanted = {}
    for library, name, label, forward in WANTED:
        wanted.setdefault(library, {})[name.lower()] = (label, forward)
    for library, name in PERSONS:
        wanted.setdefault(library, {})[name.lower()] = ("person", "z")
    for library, names in CLUTTER.items():
        for name in names.split():
            wanted.setdefault(library, {}).setdefault(name.lower(), ("clutter", "z"))
    for library, models in wanted.items():
        with zipfile.ZipFile(os.path.join(furniture, library + ".sh3f")) as archive:
            for path, row in catalogue(archive).items():
                stem = os.path.splitext(os.path.basename(path))[0]
                if stem.lower() not in models or not path.endswith(".obj"):
                    continue
                label, forward = models.pop(stem.lower())
                folder = os.path.dirname(path)
                for name in archive.namelist():
                    if name.startswith(folder + "/"):
                        archive.extract(name, os.path.join(out, library))
                entry = {"file": f"{library}/{path}", "label": label, "up": "y", "forward": forward}
                if label in ("person", "clutter"):
                    entry["height"] = float(row["height"]) / 100
                else:
                    entry["length"] = float(row["width" if forward.endswith("x") else "depth"]) / 100
                author = row.get("creator", library)
                manifest.append({**entry, "source": f"{author}, Debian package sweethome3d-furniture", "licence": LICENCES[library]})
        for missing in models:
            print(f"{library}: no model {missing}")
    with open(os.path.join(out, "manifest.json"), "w") as file:
        json.dump(manifest, file, indent=1)
    print(f"{len(manifest)} meshes in {out}")


if __name__ == "__main__":
    main(*sys.argv[1:])
