"""Back-propagation derived by hand, against finite differences and against torch's autograd.

The formulas are in numpy, so that a machine without torch still proves them; the comparison with
autograd is skipped there, visibly.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

Array = npt.NDArray[np.float64]
Weights = dict[str, Array]


def xor_loss(w: Weights, x: Array, y: Array) -> float:
    """Mean binary cross-entropy of p = sigmoid(W2 tanh(W1 x + b1) + b2)."""
    h = np.tanh(x @ w["hidden.weight"].T + w["hidden.bias"])
    p = 1 / (1 + np.exp(-(h @ w["out.weight"].T + w["out.bias"])))
    return float(-np.mean(y * np.log(p) + (1 - y) * np.log(1 - p)))


def xor_gradient(w: Weights, x: Array, y: Array) -> Weights:
    # Forward, for N samples in rows:  z1 = x W1' + b1,  h = tanh(z1),  z2 = h W2' + b2,
    #                                  p = sigmoid(z2)
    h = np.tanh(x @ w["hidden.weight"].T + w["hidden.bias"])
    p = 1 / (1 + np.exp(-(h @ w["out.weight"].T + w["out.bias"])))
    # L = -1/N sum [y log p + (1 - y) log(1 - p)]; with p' = p (1 - p) the fractions cancel:
    #   dL/dz2 = (p - y) / N
    dz2 = (p - y) / len(x)
    # tanh' = 1 - tanh^2, so  dL/dz1 = (dL/dz2 W2) * (1 - h^2)
    dz1 = (dz2 @ w["out.weight"]) * (1 - h**2)
    # Each layer z = a W' + b gives  dL/dW = dz' a  and  dL/db = the sum of dz over the samples.
    return {
        "out.weight": dz2.T @ h,
        "out.bias": dz2.sum(0),
        "hidden.weight": dz1.T @ x,
        "hidden.bias": dz1.sum(0),
    }


def classifier_loss(w: Weights, x: Array, y: Array) -> float:
    """Mean cross-entropy of softmax(W2 relu(W1 x + b1) + b2); y holds class numbers."""
    h = np.maximum(x @ w["hidden.weight"].T + w["hidden.bias"], 0)
    z2 = h @ w["out.weight"].T + w["out.bias"]
    log_sum = np.log(np.exp(z2).sum(1))
    return float(np.mean(log_sum - z2[np.arange(len(x)), y.astype(int)]))


def classifier_gradient(w: Weights, x: Array, y: Array) -> Weights:
    # Forward:  z1 = x W1' + b1,  h = max(z1, 0),  z2 = h W2' + b2,  s = softmax(z2)
    z1 = x @ w["hidden.weight"].T + w["hidden.bias"]
    h = np.maximum(z1, 0)
    z2 = h @ w["out.weight"].T + w["out.bias"]
    s = np.exp(z2) / np.exp(z2).sum(1, keepdims=True)
    # L = -1/N sum log s[y]; with d log s[y] / dz2[k] = [k = y] - s[k]:
    #   dL/dz2 = (s - onehot(y)) / N
    dz2 = (s - np.eye(2)[y.astype(int)]) / len(x)
    # relu' is 1 where z1 > 0 and 0 elsewhere:  dL/dz1 = (dL/dz2 W2) * [z1 > 0]
    dz1 = (dz2 @ w["out.weight"]) * (z1 > 0)
    # Again  dL/dW = dz' a  and  dL/db = the sum of dz over the samples.
    return {
        "out.weight": dz2.T @ h,
        "out.bias": dz2.sum(0),
        "hidden.weight": dz1.T @ x,
        "hidden.bias": dz1.sum(0),
    }


Case = tuple[
    Callable[[Weights, Array, Array], float],
    Callable[[Weights, Array, Array], Weights],
    tuple[int, int, int],
    Array,
    Array,
]


def case(name: str) -> Case:
    """Loss, gradient, layer sizes and data of one of the two nets."""
    if name == "xor":
        x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], float)
        return xor_loss, xor_gradient, (2, 4, 1), x, np.array([[0], [1], [1], [0]], float)
    from model_repo.classifier import data

    x, y = data.train_set()
    return classifier_loss, classifier_gradient, (10, 5, 2), x.astype(float), y.astype(float)


def random_weights(sizes: tuple[int, int, int]) -> Weights:
    rng = np.random.default_rng(7)
    inputs, hidden, outputs = sizes
    shapes = {
        "hidden.weight": (hidden, inputs),
        "hidden.bias": (hidden,),
        "out.weight": (outputs, hidden),
        "out.bias": (outputs,),
    }
    return {key: rng.normal(0, 0.7, shape) for key, shape in shapes.items()}


@pytest.mark.parametrize("name", ["xor", "classifier"])
def test_formulas_agree_with_finite_differences(name: str) -> None:
    loss, gradient, sizes, x, y = case(name)
    weights = random_weights(sizes)
    derived = gradient(weights, x, y)
    step = 1e-6
    for key, array in weights.items():
        for index in np.ndindex(array.shape):
            kept = array[index]
            array[index] = kept + step
            above = loss(weights, x, y)
            array[index] = kept - step
            below = loss(weights, x, y)
            array[index] = kept
            assert derived[key][index] == pytest.approx((above - below) / (2 * step), abs=1e-7)


@pytest.mark.parametrize("name", ["xor", "classifier"])
def test_autograd_agrees_with_formulas(name: str) -> None:
    torch: Any = pytest.importorskip("torch", reason="torch comes with trimtab[compress] only")
    loss, gradient, sizes, x, y = case(name)
    weights = random_weights(sizes)
    if name == "xor":
        net = import_module("model_repo.xor.train").XorNet().double()
        target = torch.from_numpy(y)
        criterion = torch.nn.functional.binary_cross_entropy
    else:
        net = import_module("model_repo.classifier.train").Classifier().double()
        target = torch.from_numpy(y.astype(np.int64))
        criterion = torch.nn.functional.cross_entropy
    net.load_state_dict({key: torch.from_numpy(array) for key, array in weights.items()})
    value = criterion(net(torch.from_numpy(x)), target)
    value.backward()
    assert value.item() == pytest.approx(loss(weights, x, y), abs=1e-12)
    derived = gradient(weights, x, y)
    found = {key: parameter.grad.numpy() for key, parameter in net.named_parameters()}
    assert found.keys() == derived.keys()
    for key, array in derived.items():
        np.testing.assert_allclose(found[key], array, rtol=0, atol=1e-12)
