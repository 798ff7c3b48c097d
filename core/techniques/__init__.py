"""What Convscope shows, one technique a module or package; no technique imports another."""
