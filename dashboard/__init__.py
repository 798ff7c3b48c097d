"""The Streamlit app: a frame, one file for each page, and nothing that computes."""
