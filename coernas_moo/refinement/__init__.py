"""Refinement: the leaders of a search, a little trained, so that evidence decides where the score cannot tell.

The score chooses the candidates. Successive halving (Jamieson & Talwalkar 2016) trains them shortly, lets the better
half by validation accuracy go on, and so on, until one is left, which gets the full recipe and is judged on the test
part.
"""
