"""Adversarial examples: small changes of a picture that change a network's answer.

Every attack works on logits, takes pictures (N, H, W, 3) in [0, 1] and one label for each, and yields ``Frame``s.

    norms       how long a change is; the nearest change that is short enough; a change that keeps to [0, 1]
    rounding    pictures on the 8-bit grid that are still inside the ball
    judge       logits, margins, and whether a picture fools the network, as its file would be read
    arguments   what every attack asks of its arguments
    gradient    FGSM, BIM, PGD, MI-FGSM and the universal change: starts and updates around ``ascend``
    auto_pgd    Auto-PGD on the cross-entropy and on the DLR loss
    minimal     DeepFool, Carlini & Wagner: the nearest picture that fools
    black_box   few pixels, Square: no gradient, only answers
    patch       a sticker that means one class wherever it lies
    catalogue   ``ATTACKS``: every attack as data, with its settings; ``attack`` runs one by name
    evaluate    how much epsilon is needed, and how the answer fades while it grows
    robustness  robust accuracy of a set of pictures under several attacks at several epsilons
    defences    what may be done to a picture before it is believed

A picture that is saved has 8 bits a channel. So, unless told otherwise, the last frame of an attack lies on the grid of
1/255 *and* inside the ball around the picture that was given: rounding afterwards would leave one or the other. Epsilon
has the unit of the pictures: 8/255 is 8 of 255 steps in ``linf``; in ``l2`` and ``l1`` it is the length of the whole
change.

A network that sees grey is given grey changes, the same in red, green and blue, and is asked about the picture that
``Image.convert("L")`` reads from the file.
"""
