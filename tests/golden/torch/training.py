"""Makes training.pt: losses, optimizers, schedules, clipping and averages of PyTorch 2.13. python training.py FOLDER"""

import copy
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn
from torch.optim import lr_scheduler as lr
from torch.optim import swa_utils


def loss(f, inputs, targets=(), options=None):
    """The loss of `inputs` and `targets`, and the gradients of Σ loss · w by the inputs."""
    leaves = [x.clone().requires_grad_() for x in inputs]
    y = f(*leaves, *targets, **(options or {}))
    w = torch.randn_like(y)
    (y * w).sum().backward()
    return {"inputs": inputs, "targets": list(targets), "y": y.detach(), "w": w, "grads": [x.grad for x in leaves]}


def losses():
    torch.manual_seed(0)
    wide = lambda *shape: torch.randn(*shape) * 4
    labels = torch.randint(0, 2, (6, 5)).float()
    soft, probs = torch.rand(6, 5), torch.cat([torch.rand(6, 4), torch.tensor([[0.0], [1.0], [1e-9], [1 - 1e-7], [0.5], [1]])], 1)
    weight, pos = torch.rand(5) + 0.5, torch.rand(5) * 3
    a, b, c = torch.randn(3, 6, 8).unbind()
    signs = torch.tensor([1, -1, -1, 1, -1, 1])
    p, q = torch.rand(2, 6, 5).add(0.01).unbind()
    q[0, 0] = 0
    cases = {}
    for reduction in ("mean", "sum", "none"):
        r = {"reduction": reduction}
        d = [wide(6, 5), wide(6, 5)]
        add = lambda name, case, **options: cases.__setitem__(f"{name}, {reduction}", {"fn": name.split(",")[0], "options": {**r, **options}, **case})
        add("l1_loss", loss(F.l1_loss, d, options=r))
        add("smooth_l1_loss", loss(F.smooth_l1_loss, d, options=r))
        add("smooth_l1_loss, beta", loss(F.smooth_l1_loss, d, options={**r, "beta": 2.5}), beta=2.5)
        add("smooth_l1_loss, no beta", loss(F.smooth_l1_loss, d, options={**r, "beta": 0.0}), beta=0)
        add("huber_loss", loss(F.huber_loss, d, options={**r, "delta": 1.5}), delta=1.5)
        add("binary_cross_entropy", loss(F.binary_cross_entropy, [probs], [labels], r))
        add("binary_cross_entropy, soft", loss(lambda x, y, **o: F.binary_cross_entropy(x, y, weight=weight, **o), [probs], [soft], r), weight=weight)
        logits = wide(6, 5)
        logits[0] = torch.tensor([-200.0, 200, -30, 30, 0])
        add("binary_cross_entropy_with_logits", loss(F.binary_cross_entropy_with_logits, [logits], [labels], r))
        add(
            "binary_cross_entropy_with_logits, weights",
            loss(lambda x, y, **o: F.binary_cross_entropy_with_logits(x, y, weight=weight, pos_weight=pos, **o), [logits], [soft], r),
            weight=weight, pos_weight=pos,
        )
        add("kl_div", loss(F.kl_div, [p.log()], [q], r))
        add("kl_div, log", loss(lambda x, y, **o: F.kl_div(x, y, log_target=True, **o), [p.log()], [(q + 0.1).log()], r), log_target=True)
        add("cosine_embedding_loss", loss(F.cosine_embedding_loss, [a, b], [signs], {**r, "margin": -0.3}), margin=-0.3)
        add("triplet_margin_loss", loss(F.triplet_margin_loss, [a, b, c], options=r))
        swap = {"margin": 2.0, "p": 3.0, "swap": True}
        add("triplet_margin_loss, swap", loss(F.triplet_margin_loss, [a, b, c], options={**r, **swap}), **swap)
        x, targets = torch.randn(12, 4, 6), torch.tensor([[1, 2, 2], [3, 0, 0], [5, 4, 5], [1, 1, 1]])
        lengths = [12, 7, 9, 4], [3, 1, 3, 3]
        ctc = lambda x, y, **o: F.ctc_loss(x.log_softmax(2), y, torch.tensor(lengths[0]), torch.tensor(lengths[1]), **o)
        add("ctc_loss", loss(lambda x, y, **o: ctc(x, y, zero_infinity=True, **o), [x], [targets], r), lengths=lengths, zero_infinity=True)
        add(
            "ctc_loss, blank",
            loss(lambda x, y, **o: ctc(x, y, blank=3, zero_infinity=True, **o), [x], [torch.tensor([[1, 2, 2], [0, 0, 0], [5, 4, 5], [1, 2, 1]])], r),
            lengths=lengths, blank=3, zero_infinity=True,
        )
    cases["kl_div, batchmean"] = {"fn": "kl_div", "options": {"reduction": "batchMean"}, **loss(F.kl_div, [p.log()], [q], {"reduction": "batchmean"})}
    cases["cosine_similarity"] = {"fn": "cosine_similarity", "options": {}, **loss(F.cosine_similarity, [a, b])}
    cases["pairwise_distance"] = {"fn": "pairwise_distance", "options": {"p": 1.5}, **loss(F.pairwise_distance, [a, b], options={"p": 1.5})}
    return cases


def optimizers():
    o = torch.optim
    cases = {}
    for name, make, kwargs in [
        ("RMSprop", o.RMSprop, {}),
        ("RMSprop", o.RMSprop, {"lr": 0.05, "alpha": 0.9, "momentum": 0.8, "weight_decay": 0.01}),
        ("RMSprop", o.RMSprop, {"lr": 0.05, "centered": True, "momentum": 0.5, "maximize": True}),
        ("Adagrad", o.Adagrad, {"lr": 0.1}),
        ("Adagrad", o.Adagrad, {"lr": 0.1, "lr_decay": 0.1, "weight_decay": 0.01, "initial_accumulator_value": 0.2}),
        ("NAdam", o.NAdam, {"lr": 0.05}),
        ("NAdam", o.NAdam, {"lr": 0.05, "weight_decay": 0.1, "decoupled_weight_decay": True}),
        ("NAdam", o.NAdam, {"lr": 0.05, "weight_decay": 0.1, "betas": (0.8, 0.99), "momentum_decay": 0.01}),
    ]:
        torch.manual_seed(3)
        model = nn.Linear(3, 2)
        optimizer = make(model.parameters(), **kwargs)
        start = copy.deepcopy(model.state_dict())

        def steps(first, last):
            for i in range(first, last):
                for p in model.parameters():
                    p.grad = torch.arange(1.0, p.numel() + 1).reshape(p.shape).sin() * (0.1 * (i + 1))
                optimizer.step()

        steps(0, 4)
        middle, state = copy.deepcopy(model.state_dict()), copy.deepcopy(optimizer.state_dict())
        steps(4, 7)
        cases[f"{name} {kwargs}"] = {
            "kind": name, "options": kwargs, "start": start, "middle": middle, "state": state, "end": dict(model.state_dict()),
        }
    return cases


def schedules():
    cases = {}

    def run(name, make, steps, metrics=None):
        optimizer = torch.optim.SGD([{"params": [nn.Parameter(torch.ones(1))]}, {"params": [nn.Parameter(torch.ones(1))], "lr": 0.5}], lr=1.0)
        scheduler = make(optimizer)
        rates, state, at = [], None, steps // 2
        for i in range(steps):
            if i == at:
                state = copy.deepcopy({"scheduler": scheduler.state_dict(), "optimizer": optimizer.state_dict()})
            rates.append([g["lr"] for g in optimizer.param_groups])
            optimizer.step()
            scheduler.step(metrics[i]) if metrics else scheduler.step()
        cases[name] = {"rates": rates, "state": state, "at": at, **({"metrics": metrics} if metrics else {})}

    run("linear", lambda o: lr.LinearLR(o, 0.25, 0.75, 4), 8)
    run("constant", lambda o: lr.ConstantLR(o, 0.5, 3), 6)
    run("polynomial", lambda o: lr.PolynomialLR(o, 5, 2.0), 8)
    run("lambda", lambda o: lr.LambdaLR(o, [lambda t: 0.9**t, lambda t: 1 / (1 + t)]), 6)
    run("multiplicative", lambda o: lr.MultiplicativeLR(o, lambda t: 0.9 if t % 2 else 0.5), 6)
    run("warm restarts", lambda o: lr.CosineAnnealingWarmRestarts(o, 3), 10)
    run("growing restarts", lambda o: lr.CosineAnnealingWarmRestarts(o, 2, 3, 0.1), 20)
    run(
        "sequential",
        lambda o: lr.SequentialLR(
            o, [lr.LinearLR(o, 0.1, 1.0, 3), lr.ConstantLR(o, 0.5, 2), lr.CosineAnnealingLR(o, 6)], milestones=[3, 7]
        ),
        14,
    )
    metrics = [3.0, 2.0, 2.0, 2.0, 1.9999, 2.0, 2.5, 1.0, 1.0, 1.0, 1.0, float("nan"), 1.0, 1.0, 1.0, 0.5, 0.6, 0.6, 0.6]
    run("plateau", lambda o: lr.ReduceLROnPlateau(o, factor=0.5, patience=1, cooldown=1), 19, metrics)
    run(
        "plateau of max, abs",
        lambda o: lr.ReduceLROnPlateau(o, "max", 0.3, 0, 0.1, "abs", min_lr=[0.2, 0.01]),
        19, metrics,
    )
    return cases


def clipping():
    cases = []
    for norm_type, most in [(2.0, 1.0), (2.0, 100.0), (1.0, 2.0), (3.0, 0.5), (float("inf"), 0.7)]:
        torch.manual_seed(4)
        params = [nn.Parameter(torch.zeros(s)) for s in ((3, 4), (5,), (2,))]
        grads = [torch.randn(p.shape) * 2 for p in params[:2]]
        for p, g in zip(params, grads):
            p.grad = g.clone()
        total = nn.utils.clip_grad_norm_(params, most, norm_type)
        cases.append({"grads": grads, "most": most, "norm_type": norm_type, "total": total, "clipped": [p.grad for p in params[:2]]})
    return cases


def averages():
    cases = {}
    for name, options in [
        ("swa", {}),
        ("ema", {"avg_fn": swa_utils.get_ema_avg_fn(0.9)}),
        ("ema with buffers", {"avg_fn": swa_utils.get_ema_avg_fn(0.9), "use_buffers": True}),
    ]:
        torch.manual_seed(5)
        model = nn.Sequential(nn.Conv2d(2, 3, 1), nn.BatchNorm2d(3))
        start = copy.deepcopy(model.state_dict())
        averaged = swa_utils.AveragedModel(model, **options)
        inputs, states = [torch.randn(4, 2, 3, 3) for _ in range(3)], []
        for x in inputs:
            model(x)
            with torch.no_grad():
                for p in model.parameters():
                    p += torch.randn(p.shape)
            states.append(copy.deepcopy(model.state_dict()))
            averaged.update_parameters(model)
        after = copy.deepcopy(averaged.state_dict())
        swa_utils.update_bn(inputs, averaged)
        cases[name] = {"start": start, "inputs": inputs, "states": states, "after": after, "settled": dict(averaged.state_dict())}
    return cases


out = {"losses": losses(), "optimizers": optimizers(), "schedules": schedules(), "clipping": clipping(), "averages": averages()}
torch.save(out, Path(sys.argv[1]) / "training.pt")
