"""The control panel: forms, background runs and tabs of core ipywidgets (7.7 and 8)."""
