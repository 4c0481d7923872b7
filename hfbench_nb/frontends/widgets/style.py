"""The look of the panel: one style sheet, in which every rule is scoped to a class of ours."""

from __future__ import annotations

LABEL_WIDTH = "120px"
# The names of the advanced arguments are longer, and their help is shown beside them.
WIDE_LABEL_WIDTH = "185px"
WIDE_CONTROL_WIDTH = "395px"

SHEET = f"""
.hfbench-panel {{ max-width: 64rem; }}
.hfbench-panel .widget-html-content {{ line-height: 1.4; }}
.hfbench-panel .widget-label {{ white-space: nowrap; }}
.hfbench-help {{ display: block; padding-top: 3px; font-size: 90%; opacity: 0.75; }}
.hfbench-message .widget-html-content {{ color: var(--jp-error-color1, #c62828); overflow-wrap: anywhere; }}
.hfbench-message {{ padding-left: calc({LABEL_WIDTH} + 10px); }}
.hfbench-advanced .hfbench-message {{ padding-left: calc({WIDE_LABEL_WIDTH} + 10px); }}
.hfbench-warning .widget-html-content {{ color: var(--jp-error-color1, #c62828); }}
.hfbench-message .widget-html-content::before, .hfbench-warning .widget-html-content::before {{
  content: "\\26A0\\00A0";
}}
.hfbench-wrong input, .hfbench-wrong select {{ outline: 1px solid var(--jp-error-color1, #c62828); }}
.hfbench-measure .widget-checkbox {{ margin-right: 1.5em; }}
.hfbench-panel h4 {{ margin: 0.6em 0 0.2em 0; }}
.hfbench-status .widget-html-content {{ overflow-wrap: anywhere; }}
.hfbench-needs .widget-html-content {{ overflow-wrap: anywhere; }}
.hfbench-find-largest {{ width: 130px; margin-left: calc({WIDE_LABEL_WIDTH} + 10px); }}
.hfbench-log pre {{ max-height: 24em; overflow: auto; white-space: pre-wrap; overflow-wrap: anywhere; margin: 0; }}
.hfbench-code textarea {{ font-family: var(--jp-code-font-family, monospace); font-size: 90%; }}
.hfbench-curves img {{ max-width: 100%; height: auto; background: white; }}
"""
