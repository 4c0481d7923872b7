"""HTML from templates."""

from __future__ import annotations

from hfbench_nb.rendering.html import render


def test_the_lines_of_a_label_end_behind_settings_and_the_label_is_escaped():
    page = render(
        "scaling.html.j2",
        rows=[{"model": "gpt2:n_layer=6,n_head=4 [<b>, 2 threads]"}, {"model": "a<script>:b"}],
    )
    assert "gpt2:<wbr>n_layer=6,<wbr>n_head=4 [&lt;b&gt;, 2 threads]</th>" in page
    assert "a&lt;script&gt;:<wbr>b</th>" in page
