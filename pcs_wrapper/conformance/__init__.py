"""A conformance test for any OCF resource agent: `takeover agents check`.

What is right is said in `rules/`, a file for each group of rules. The rest is how to find out:
`laboratory.py` performs actions of an agent and knows whether its resource runs, `checking.py`
applies the rules, `report.py` shows what they found.
"""
