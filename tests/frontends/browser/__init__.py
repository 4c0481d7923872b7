"""What users see, in a real browser: JupyterLab and Voilà in Debian's Chromium."""
