"""The networks that this project trained itself, their cards, and the script that trained them.

Each network is three files: ``NAME.keras`` (weights and graph), ``NAME.json`` (its card: data, recipe, command,
measured accuracy) and the label file that the card names. ``core.bundled.train`` makes all of them again.
"""
