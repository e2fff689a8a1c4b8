"""The HTML report: runs and comparisons as one file that needs nothing else, not even a network.

Entries (`run_entry`, `comparison_entry`) are plain data; `page` puts them into the templates and writes the file. The
scripts in `static/` draw in the browser, from the data in the page.
"""
