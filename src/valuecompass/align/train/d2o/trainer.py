# pyright: basic, reportMissingImports=false, reportPrivateImportUsage=false
"""`D2OTrainer`: TRL's DPO trainer with the objective, the data and the forward of D2O."""

from __future__ import annotations

import contextlib
import logging
import textwrap
from collections.abc import Mapping
from typing import Any

import torch
from accelerate.utils import gather_object, is_peft_model
from datasets import Dataset
from torch import Tensor, nn
from torch.utils.data import DataLoader
from tqdm.auto import tqdm
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerBase
from trl import DPOTrainer
from trl.models.utils import disable_gradient_checkpointing
from trl.trainer.utils import global_then_local_main_first, use_adapter

from valuecompass.align.train.d2o import objectives
from valuecompass.align.train.d2o.collator import DataCollatorForDispreference
from valuecompass.align.train.d2o.config import D2OConfig
from valuecompass.align.train.d2o.logps import (
    Scored,
    add_scoring,
    check_scoring,
    sequence_logps,
)
from valuecompass.align.train.d2o.tokens import tokenise
from valuecompass.errors import InputError, ValueCompassError

log = logging.getLogger(__name__)
COLUMNS = (
    *("prompt_ids", "rejected_ids", "anchor_ids", "row"),
    *("ref_anchor_logps", "ref_rejected_logps"),
)


class D2OTrainer(DPOTrainer):
    """Trains a causal language model on negative examples, held in place by its own answers.

    Datasets have `prompt`, `rejected` and `anchors` (a list of any length from 1 on), as texts or
    as lists of messages; `chosen` stands for a single anchor. The loss is eq. 3 of arXiv
    2403.03419, see `D2OConfig`. Arguments are those of `trl.DPOTrainer`.

    Raises:
        InputError: a row cannot be used; the message names it.
        ValueError: an argument means nothing here.
    """

    _tag_names = ["trl", "d2o"]  # noqa: RUF012  # as TRL has it
    _name = "D2O"
    _paper = {  # noqa: RUF012
        "title": "Negating Negatives: Alignment with Human Negative Samples via Distributional "
        "Dispreference Optimization",
        "id": "2403.03419",
        "citation": textwrap.dedent("""\
            @inproceedings{duan2024negating,
                title     = {{Negating Negatives: Alignment with Human Negative Samples via Distributional Dispreference Optimization}},
                author    = {Shitong Duan and Xiaoyuan Yi and Peng Zhang and Yan Liu and Zheng Liu and Tun Lu and Xing Xie and Ning Gu},
                booktitle = {Findings of the Association for Computational Linguistics: EMNLP 2024},
                year      = 2024,
                pages     = {1012--1042},
                doi       = {10.18653/v1/2024.findings-emnlp.56},
            }"""),  # noqa: E501
    }

    args: Any  # a D2OConfig
    model: Any
    ref_model: Any
    accelerator: Any

    def __init__(
        self,
        model: Any,
        ref_model: Any = None,
        args: D2OConfig | None = None,
        data_collator: Any = None,
        train_dataset: Any = None,
        eval_dataset: Any = None,
        processing_class: PreTrainedTokenizerBase | None = None,
        **others: Any,
    ) -> None:
        if args is None:
            name = model if isinstance(model, str) else model.config._name_or_path
            args = D2OConfig(f"{name.split('/')[-1] or 'model'}-D2O")
        if not isinstance(args, D2OConfig):
            raise ValueError(f"args is a {type(args).__name__}; give a D2OConfig")
        if others.get("compute_metrics") is not None:
            raise ValueError("compute_metrics wants the logits, which are never all there")
        if processing_class is None:
            source = model if isinstance(model, str) else model.config._name_or_path
            processing_class = AutoTokenizer.from_pretrained(source)
        if not isinstance(processing_class, PreTrainedTokenizerBase):
            raise ValueError("processing_class: D2O trains on text; give the model's tokenizer")
        tokenizer: Any = processing_class
        if tokenizer.pad_token is None:
            tokenizer.pad_token = tokenizer.eos_token
        config = AutoConfig.from_pretrained(model) if isinstance(model, str) else model.config
        window = getattr(config.get_text_config(), "max_position_embeddings", None)
        lengths = [n for n in (args.max_length, window) if n is not None]
        self._longest = min(lengths, default=None)
        several = eval_dataset if isinstance(eval_dataset, dict) else {"eval": eval_dataset}
        for name, given in {"train": train_dataset, **several}.items():
            if given is not None and next(iter(given), None) is None:
                raise InputError(f"{name} dataset: it has no rows")
        if data_collator is None:
            multiple: Any = args.pad_to_multiple_of
            data_collator = DataCollatorForDispreference(
                tokenizer.pad_token_id, self._longest, args.uses_anchors, multiple
            )
        if not args.uses_reference:
            args.precompute_ref_log_probs = True  # nothing to compute: the model is not kept twice
        super().__init__(
            model=model,
            ref_model=ref_model,
            args=args,
            data_collator=data_collator,
            train_dataset=train_dataset,
            eval_dataset=eval_dataset,
            processing_class=tokenizer,
            **others,
        )
        if not args.uses_reference:
            self.precompute_ref_logps = False  # else evaluating others would be refused
        if self.aux_loss_enabled:
            raise ValueError("a mixture of experts with a balancing loss: not supported")
        if is_peft_model(self.model) and self.model.active_peft_config.is_prompt_learning:
            raise ValueError("prompt learning moves the tokens; use LoRA or another adapter")
        self._add_scoring()
        if not (self.is_deepspeed_enabled or self.is_fsdp_enabled):  # they part the weights
            check_scoring(self.model)

    def _add_scoring(self) -> None:
        for model in (self.model, self.ref_model):
            if model is not None:
                bare = self.accelerator.unwrap_model(model)
                add_scoring(bare.get_base_model() if is_peft_model(bare) else bare)

    def _send_telemetry(self) -> None:
        """Tell nobody: what is trained here is its owner's business."""

    def _prepare_dataset(
        self, dataset: Any, processing_class: Any, args: D2OConfig, dataset_name: str
    ) -> Any:
        if "prompt_ids" in next(iter(dataset)):
            return dataset
        more: dict[str, Any] = {}
        if isinstance(dataset, Dataset):
            more = {"num_proc": args.dataset_num_proc, "desc": f"Tokenising {dataset_name} dataset"}
        given = dict(
            tokenizer=processing_class,
            name=dataset_name,
            anchors=args.uses_anchors,
            max_length=self._longest,
        )
        with global_then_local_main_first():
            columns = dataset.column_names or list(next(iter(dataset)))
            made = dataset.map(
                tokenise, with_indices=True, fn_kwargs=given, remove_columns=columns, **more
            )
        if isinstance(made, Dataset) and (cut := sum(made["cut"])) and args.process_index == 0:
            log.warning(
                "%s dataset: %d of %d responses are longer than there is room for (%d tokens with "
                "their prompt) and are cut off there, without their end",
                dataset_name,
                cut,
                len(made) + sum(map(len, made["anchor_ids"])),
                self._longest,
            )
        return made

    def _set_signature_columns_if_needed(self) -> None:
        if self._signature_columns is None:
            self._signature_columns = list(COLUMNS)

    # ------------------------------------------------------------------ references

    def _precompute_ref_logps(self, dataset: Any, name: str, batch_size: int) -> Any:
        """Return the dataset with the log-probabilities of its responses under the references."""
        if not self.args.uses_reference or "ref_rejected_logps" in (dataset.column_names or ()):
            return dataset
        if not isinstance(dataset, Dataset):
            raise ValueError(
                "a streamed dataset has no references yet: precompute_ref_log_probs=False"
            )
        self._add_scoring()
        negative, positive = self.args.ref_negative_model, self.args.ref_positive_model
        found: dict[str | None, tuple[list[list[float]], list[float]]] = {}
        for source in dict.fromkeys((negative, positive)):
            found[source] = self._references(source, dataset, name, batch_size)
        dataset = dataset.add_column("ref_anchor_logps", found[negative][0])
        return dataset.add_column("ref_rejected_logps", found[positive][1])

    def _references(
        self, source: str | None, dataset: Dataset, name: str, batch_size: int
    ) -> tuple[list[list[float]], list[float]]:
        """Return log-probabilities of anchors and rejected responses, each process its part."""
        if source is None:
            model, context = self.ref_model or self.model, self._as_reference()
        else:
            try:
                model = AutoModelForCausalLM.from_pretrained(source, dtype=self.model.dtype)
            except (OSError, ValueError) as error:
                said = next(iter(str(error).splitlines()), type(error).__name__)
                raise InputError(f"reference {source}: cannot be loaded: {said}") from None
            self._check_vocabulary(model, source)
            add_scoring(model)
            model, context = model.to(self.accelerator.device), contextlib.nullcontext()
        at, of = self.accelerator.process_index, self.accelerator.num_processes
        # alike long ones together: less padding
        lengths = [len(ids) for ids in dataset["rejected_ids"]]
        order = sorted(range(len(dataset)), key=lengths.__getitem__)[at::of]
        part: Any = dataset.select(order)
        loader = DataLoader(part, batch_size=batch_size, collate_fn=self.data_collator)
        rows: list[tuple[int, list[float], float]] = []
        was = model.training
        model.eval()
        with torch.no_grad(), context, self.accelerator.autocast():
            for batch in tqdm(loader, f"References of {name} dataset", disable=self._quiet()):
                on = {key: value.to(self.accelerator.device) for key, value in batch.items()}
                logps = sequence_logps(model, on, share_prefix=bool(self.args.share_prefix)).logps
                anchors, rejected = _parted(logps, on)
                own: list[list[float]] = [[] for _ in rejected]
                for example, logp in zip(
                    on["anchor_index"].tolist(), anchors.tolist(), strict=True
                ):
                    own[example].append(logp)
                places = order[len(rows) : len(rows) + len(own)]
                rows += zip(places, own, rejected.tolist(), strict=True)
        model.train(was)
        rows = sorted(gather_object(rows))
        for row, anchors_, logp in rows:
            if not all(torch.tensor([*anchors_, logp]).isfinite()):
                raise InputError(
                    f"{name} dataset, row {row}: a reference log-probability is not finite"
                )
        return [anchors_ for _, anchors_, _ in rows], [logp for *_, logp in rows]

    def _check_vocabulary(self, model: Any, source: str) -> None:
        own = self.model.get_input_embeddings().weight.shape[0]
        if (other := model.get_input_embeddings().weight.shape[0]) != own:
            raise InputError(
                f"{source}: a reference with {other} tokens for a model with {own}; both must have "
                "one tokenizer"
            )

    @contextlib.contextmanager
    def _as_reference(self) -> Any:
        """Have the model be what it was before training."""
        adapter: Any = contextlib.nullcontext()
        if self.ref_model is None and is_peft_model(self.model):
            bare = self.accelerator.unwrap_model(self.model)
            # an adapter that is trained further has a frozen copy of that name
            adapter = use_adapter(bare, adapter_name="ref" if "ref" in bare.peft_config else None)
        kwargs = self.args.gradient_checkpointing_kwargs
        with disable_gradient_checkpointing(self.model, kwargs), adapter:
            yield

    def _quiet(self) -> bool:
        return bool(self.args.disable_tqdm) or not self.accelerator.is_main_process

    # ------------------------------------------------------------------ the loss

    def _reference(self, batch: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Return reference log-probabilities of anchors (A,) and rejected responses (B,)."""
        if "ref_rejected_logps" in batch:
            rejected = batch["ref_rejected_logps"]
            return batch.get("ref_anchor_logps", rejected.new_zeros(0)), rejected
        with torch.no_grad(), self._as_reference():
            model = self.ref_model if self.ref_model is not None else self.model
            scored = sequence_logps(model, batch, share_prefix=bool(self.args.share_prefix))
        return _parted(scored.logps, batch)

    def _compute_loss(self, model: nn.Module, inputs: Any, return_outputs: bool) -> Any:
        args = self.args
        scored = sequence_logps(model, inputs, share_prefix=bool(args.share_prefix))
        anchors, rejected = _parted(scored.logps, inputs)
        index = inputs["anchor_index"]
        if args.uses_reference:
            ref_anchors, ref_rejected = self._reference(inputs)
            anchor_ratios, rejected_ratios = anchors - ref_anchors, rejected - ref_rejected
        else:
            anchor_ratios, rejected_ratios = anchors, rejected
        weights = {"alpha": args.alpha, "beta": args.beta}
        if args.objective == "d2o":
            losses = objectives.d2o(anchor_ratios, rejected_ratios, index, **weights)
        elif args.objective == "dpo":
            losses = objectives.dpo(anchor_ratios, rejected_ratios, index, beta=args.beta)
        elif args.objective == "npo":
            losses = objectives.npo(rejected_ratios, alpha=args.alpha)
        else:
            losses = objectives.ga(rejected)
        self._check_finite(losses, inputs["row"])
        with torch.no_grad():
            self._note(scored, anchors, rejected, anchor_ratios, rejected_ratios, inputs)
        loss = losses.mean()
        return (loss, scored) if return_outputs else loss

    def _check_finite(self, losses: Tensor, rows: Tensor) -> None:
        if not losses.isfinite().all():
            bad = rows[~losses.detach().isfinite()].tolist()
            name, others = "train" if self.model.training else "eval", len(bad) - 1
            raise ValueCompassError(
                f"{name} dataset, row {bad[0]}{f' and {others} more' if others else ''} of a batch "
                f"of {len(rows)}: at step {self.state.global_step + 1} the loss is not a finite "
                "number. If it is all rows of the batch, the model itself broke: begin again with "
                "a smaller learning_rate, or without bf16/fp16"
            )

    def _note(
        self,
        scored: Scored,
        anchors: Tensor,
        rejected: Tensor,
        anchor_ratios: Tensor,
        rejected_ratios: Tensor,
        batch: Mapping[str, Tensor],
    ) -> None:
        """Keep the metrics of a batch, by TRL's names; what has no anchors has no `chosen`."""
        mode = "train" if self.model.training else "eval"
        index, alpha, beta = batch["anchor_index"], self.args.alpha, self.args.beta
        if self.args.objective == "ga":
            alpha = 1.0
        tokens, prompts = scored.tokens, batch["prompt_mask"].sum(1)
        if mode == "train":
            examples = torch.cat([index, torch.arange(len(rejected), device=index.device)])
            seen = prompts[examples].sum() + tokens.sum()
            self._total_train_tokens += self._all(seen).sum().item()
        self._metrics[mode]["num_tokens"] = [self._total_train_tokens]
        n = len(anchors)
        found: dict[str, tuple[Tensor, Tensor | int]] = {
            "entropy": (scored.entropy.sum(), tokens.sum()),
            "logits/rejected": (scored.mean_logits[n:].sum(), tokens[n:].sum()),
            "logps/rejected": (rejected.sum(), len(rejected)),
            "rewards/rejected": (alpha * rejected_ratios.sum(), len(rejected)),
        }
        if n:
            mean = objectives.segment_mean(anchor_ratios, index, len(rejected))
            z = beta * mean - alpha * rejected_ratios
            spread = objectives.segment_mean(
                (anchor_ratios - mean[index]) ** 2, index, len(rejected)
            )
            found |= {
                "logits/chosen": (scored.mean_logits[:n].sum(), tokens[:n].sum()),
                "mean_token_accuracy": (scored.is_top1[:n].sum(), tokens[:n].sum()),
                "logps/chosen": (anchors.sum(), n),
                "rewards/chosen": (beta * mean.sum(), len(rejected)),
                "rewards/margins": (z.sum(), len(rejected)),
                "rewards/accuracies": ((z > 0).sum(), len(rejected)),
                "d2o/weight": (torch.sigmoid(-z).sum(), len(rejected)),
                "d2o/anchor_std": (spread.sqrt().sum(), len(rejected)),
                "d2o/num_anchors": (torch.as_tensor(n), len(rejected)),
            }
        # one exchange between processes, and one wait for the device, for all of them
        device = self.accelerator.device
        pairs = [torch.as_tensor(x, device=device).float() for pair in found.values() for x in pair]
        sums = self._all(torch.stack(pairs)).reshape(-1, len(found), 2).sum(0).tolist()
        for name, (total, count) in zip(found, sums, strict=True):
            self._metrics[mode][name].append(total / count if count else 0.0)

    def _all(self, values: Tensor) -> Tensor:
        return self.accelerator.gather(values.reshape(-1))

    def prediction_step(
        self, model: Any, inputs: Any, prediction_loss_only: bool, ignore_keys: Any = None
    ) -> tuple[Tensor, None, None]:
        """Return the loss of a batch; no logits, which are never all there."""
        inputs = self._prepare_inputs(inputs)
        with torch.no_grad(), self.compute_loss_context_manager():
            loss: Any = self.compute_loss(model, inputs)
        return loss.detach(), None, None


def _parted(logps: Tensor, batch: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Return what is of anchors and what of rejected responses."""
    n = len(batch["anchor_index"])
    return logps[:n], logps[n:]
