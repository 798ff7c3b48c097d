"""The other side of ``agree_attribution``: pytorch-grad-cam and Quantus on the weights that came along; no core."""

from __future__ import annotations

import sys
import types
import warnings

import numpy as np
import torch
from torch import nn

CLASS, PERCENTAGES, BOUND = 2, (10, 30, 50), 1e-3


def without_torchvision() -> None:
    """A stand-in for the four names that pytorch-grad-cam imports and that nothing here calls."""
    package, transforms = types.ModuleType("torchvision"), types.ModuleType("torchvision.transforms")
    functional = types.ModuleType("torchvision.transforms.functional")
    for name in ("Compose", "Normalize", "ToTensor"):
        setattr(transforms, name, object)
    functional.resize = object
    package.transforms, transforms.functional = transforms, functional
    sys.modules |= {one.__name__: one for one in (package, transforms, functional)}


class Flat(nn.Module):
    """Channels last before it is flattened, as Keras has it."""

    def forward(self, x):
        return x.permute(0, 2, 3, 1).flatten(1)


def network(given):
    """The same network."""
    first, last = (
        nn.Conv2d(*given[f"weight_{name}_kernel"].shape[2:], given[f"weight_{name}_kernel"].shape[0], padding="same")
        for name in ("first", "last")
    )
    top = nn.Linear(*given["weight_top_kernel"].shape)
    for layer, name in ((first, "first"), (last, "last"), (top, "top")):
        kernel = given[f"weight_{name}_kernel"]
        layer.weight.data = torch.tensor(kernel.transpose(3, 2, 0, 1) if kernel.ndim == 4 else kernel.T).contiguous()
        layer.bias.data = torch.tensor(given[f"weight_{name}_bias"])
    return nn.Sequential(first, nn.ReLU(), last, nn.ReLU(), Flat(), top).eval()


def scaled(values):
    """As pytorch-grad-cam brings a map to [0, 1]."""
    values = values - values.min()
    return values / (1e-7 + values.max())


def cams(net, x):
    """{name: map} by pytorch-grad-cam."""
    import pytorch_grad_cam as peer
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    rows = {
        "grad_cam": peer.GradCAM, "grad_cam_plus": peer.GradCAMPlusPlus, "hires_cam": peer.HiResCAM,
        "layer_cam": peer.LayerCAM, "xgrad_cam": peer.XGradCAM, "eigen_cam": peer.EigenCAM,
        "ablation_cam": peer.AblationCAM, "score_cam": peer.ScoreCAM,
    }  # fmt: skip
    return {
        name: method(model=net, target_layers=[net[3]])(input_tensor=x, targets=[ClassifierOutputTarget(CLASS)])[0]
        for name, method in rows.items()
    }


def other_sign(net, x):
    """Eigen-CAM by pytorch-grad-cam with the sign turned: that of a singular vector is left to chance."""
    from pytorch_grad_cam.utils.svd_on_activations import get_2d_projection

    return scaled(np.maximum(-get_2d_projection(net[:4](x).detach().numpy())[0], 0))


class Sure(nn.Module):
    """The network's probabilities."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x):
        return self.net(x).softmax(1)


def measures(net, x, given):
    """{name: value} by Quantus, and ROAD by pytorch-grad-cam."""
    import quantus
    from pytorch_grad_cam.metrics.road import NoisyLinearImputer
    from quantus.functions.similarity_func import ssim

    own, box = given["own"], given["box"]
    batch = {
        "model": net,
        "x_batch": x.numpy(),
        "y_batch": np.array([CLASS]),
        "a_batch": own[None, None],
        "device": "cpu",
    }
    plain = {"abs": False, "normalise": False, "disable_warnings": True}
    imputer = NoisyLinearImputer(noise=0.0)
    kept = torch.tensor(~given["removed"], dtype=torch.float32)
    order = np.argsort(-own.ravel(), kind="stable")

    def sure(chosen, percentage):
        mask = torch.ones(own.size)
        mask[torch.tensor(chosen[: round(own.size * percentage / 100)].copy())] = 0
        with torch.no_grad():
            return float(Sure(net)(imputer(x[0], mask.reshape(own.shape))[None])[0, CLASS])

    def times_gradient(inputs):
        inputs = torch.tensor(inputs, requires_grad=True)
        net(inputs)[:, CLASS].sum().backward()
        return (inputs.grad * inputs).sum(1).detach().numpy()[0]

    moved = [np.linalg.norm(times_gradient(x.numpy() + one.transpose(2, 0, 1)) - own) for one in given["noise"]]
    flipping = quantus.PixelFlipping(
        features_in_step=3 * own.size // 24, perturb_baseline=0.5, return_auc_per_sample=False, **plain
    )
    return {
        "imputed": imputer(x[0], kept).numpy().transpose(1, 2, 0),
        "road": np.mean([(sure(order[::-1], one) - sure(order, one)) / 2 for one in PERCENTAGES]),
        "deletion": np.concatenate([[float(Sure(net)(x)[0, CLASS])], np.ravel(flipping(softmax=True, **batch))]),
        "sparseness": quantus.Sparseness(abs=True, normalise=False, disable_warnings=True)(**batch)[0],
        "pointing": float(quantus.PointingGame(**plain)(s_batch=box[None, None], **batch)[0]),
        "inside": quantus.RelevanceMassAccuracy(**plain)(
            s_batch=box[None, None], **{**batch, "a_batch": np.maximum(own, 0)[None, None]}
        )[0],
        "sensitivity": np.mean(moved) / np.linalg.norm(own),
        "similarity": float(ssim(scaled(own), scaled(given["other"]), win_size=7, data_range=1.0)),
    }


def main():
    """Print every gap; end with 1 where one is larger than it may be."""
    warnings.simplefilter("ignore")
    without_torchvision()
    given = dict(np.load(sys.argv[1]))
    net, x = network(given), torch.tensor(given["photo"].transpose(0, 3, 1, 2)).contiguous()
    gap = float(np.abs(net(x).detach().numpy() - given["logits"]).max())
    print(f"logits: {gap:.1e}")
    worst = 0.0
    for name, found in cams(net, x).items():
        ours = scaled(given[f"map_{name}"])
        gaps = [float(np.abs(found - ours).max())]
        if name == "eigen_cam":
            gaps.append(float(np.abs(other_sign(net, x) - ours).max()))
        worst = max(worst, min(gaps))
        print(f"{name:14} pytorch-grad-cam: largest gap {min(gaps):.1e}; spread of ours {np.std(ours):.2f}")
    for name, found in measures(net, x, given).items():
        ours = given[f"measure_{name}"]
        gap = float(np.abs(np.asarray(found) - ours).max())
        worst = max(worst, gap)
        value = f"{float(ours):.4f}" if ours.ndim == 0 else f"shape {ours.shape}"
        print(f"{name:14} largest gap {gap:.1e}; ours {value}")
    print(f"worst: {worst:.1e}, bound {BOUND:g}")
    sys.exit(worst > BOUND)


if __name__ == "__main__":
    main()
