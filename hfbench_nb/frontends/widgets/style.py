"""The look of the panel: one style sheet, in which every rule is scoped to a class of ours."""

from __future__ import annotations

LABEL_WIDTH = "120px"
# The names of the advanced arguments are longer, and their help is shown beside them.
WIDE_LABEL_WIDTH = "185px"
WIDE_CONTROL_WIDTH = "395px"

# Where pages say that they are dark: JupyterLab, VS Code, Colab.
_DARK = ('[data-jp-theme-light="false"]', ".vscode-dark", "html[theme=dark]")
_ARROW = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 18 18'%3E"
    "%3Cpath fill='%23e0e0e0' d='M5.2 5.9 9 9.7l3.8-3.8 1.2 1.2L9 12.1 4 7.1z'/%3E%3C/svg%3E"
)


def _where_dark(selector: str, rules: str) -> str:
    return f"{', '.join(f'{dark} {selector}' for dark in _DARK)} {{ {rules} }}\n"


SHEET = (
    f"""
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
.hfbench-advanced .widget-label-basic {{ white-space: normal; overflow: visible; }}
.hfbench-advanced .widget-checkbox {{ height: auto; }}
.hfbench-panel h4 {{ margin: 0.6em 0 0.2em 0; }}
.hfbench-fold, .hfbench-fold.mod-active {{ background: none; box-shadow: none; padding: 0 0.5em; text-align: left; }}
.hfbench-panel .hfbench-fold {{ white-space: normal; height: auto; min-height: 28px; line-height: 1.5; }}
.hfbench-bar {{ height: 10px; margin: 9px 4px; border-radius: 3px; overflow: hidden; }}
.hfbench-bar {{ background: rgba(128, 128, 128, 0.25); }}
.hfbench-bar-running {{ background: var(--jp-info-color1, #0277bd); }}
.hfbench-bar-done {{ background: var(--jp-success-color1, #2e7d32); }}
.hfbench-bar-partly {{ background: var(--jp-warn-color1, #ef6c00); }}
.hfbench-bar-failed {{ background: var(--jp-error-color1, #c62828); }}
.hfbench-failed {{ color: var(--jp-error-color1, #c62828); font-weight: bold; }}
.hfbench-panel .hfbench-fold.hfbench-failed {{
  background: rgba(211, 47, 47, 0.25); border-left: 0.3em solid #d32f2f; color: var(--jp-ui-font-color1, inherit);
}}
.hfbench-status .widget-html-content {{ overflow-wrap: anywhere; }}
.hfbench-exports .widget-html-content {{ overflow-wrap: anywhere; }}
.hfbench-needs .widget-html-content {{ overflow-wrap: anywhere; }}
.hfbench-find-largest {{ width: 130px; margin-left: calc({WIDE_LABEL_WIDTH} + 10px); }}
.hfbench-log pre {{ max-height: 24em; overflow: auto; white-space: pre-wrap; overflow-wrap: anywhere; margin: 0; }}
.hfbench-code textarea {{ font-family: var(--jp-code-font-family, monospace); font-size: 90%; }}
.hfbench-curves img {{ max-width: 100%; height: auto; }}
.hfbench-tabs .widget-html-content {{ min-width: 0; }}
.hfbench-panel .hfbench-tabs > .lm-TabBar .lm-TabBar-tab, .hfbench-panel .hfbench-tabs > .p-TabBar .p-TabBar-tab {{
  min-width: max-content;
}}
"""
    + _where_dark(".hfbench-curves img", "filter: invert(0.9) hue-rotate(180deg);")
    + _where_dark(".hfbench-panel select", f'background-image: url("{_ARROW}");')
)
