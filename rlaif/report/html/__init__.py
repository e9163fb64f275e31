"""The report of a run as one HTML file that needs no network: data in, text out.

    page.py      the whole page, from what the others make and the files in assets/
    facts.py     what the run is: settings, sizes, versions
    results.py   the table, from its CSV
    curves.py    learning curves, from the stages' metrics.jsonl
    failures.py  verdicts and their kinds, by row
    judge.py     what the judge is worth
    watch.py     the reward model's reward beside what it stands for, during PPO
    browser.py   examples side by side, as data for assets/report.js
    chart.py     line charts, scatters and bars as SVG

Text that a model wrote reaches the page as JSON, and the browser as text nodes; it is never markup.
"""
