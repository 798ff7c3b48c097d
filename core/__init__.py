"""What a convolutional network sees, as functions. No Streamlit, no plots, no files written unless a path is given.

Pictures are float32 (N, H, W, 3) RGB in [0, 1] everywhere.
"""
