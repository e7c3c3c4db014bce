"""The wide part beside the turn encoder's deep one: what the words themselves say, without knowing what they mean.

A transformer that is small enough for a live call passes over what a word or a pair of words says for sure, and what it
makes of misheard ones is often astray. Counted words and pieces of words, beside a sentence vector of another encoder,
err elsewhere; both together are right more often (Wide & Deep Learning, Cheng et al. 2016, arXiv:1606.07792).
"""
