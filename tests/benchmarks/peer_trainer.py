"""The same training by Hugging Face's Trainer, with the package accelerate: a rate to compare with in one sitting."""

from __future__ import annotations

import tempfile
import time

import torch
import transformers
from torch.nn import functional
from transformers import trainer

trainer.is_datasets_available = lambda: False  # what may be found by that name is this project's folder


def batches_rate(model: torch.nn.Module, batches: list[dict[str, torch.Tensor]], *, lr: float, margin: float) -> float:
    """Batches per CPU second, from the beginning of the second to that of the last.

    ``model`` gives one logit a row; of a batch's rows the first half is to score higher than the second, by a hinge.
    """

    class Ranker(transformers.Trainer):
        def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
            better, worse = model(**inputs).logits[:, 0].chunk(2)
            return functional.relu(margin - (better - worse)).mean()

        def _get_train_sampler(self, *_, **__):
            return torch.utils.data.SequentialSampler(batches)

    class Clock(transformers.TrainerCallback):
        def on_step_begin(self, args, state, control, **_):
            if state.global_step in (1, len(batches) - 1):
                marks.append(time.process_time())

    marks: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        asked = transformers.TrainingArguments(
            folder, per_device_train_batch_size=1, max_steps=len(batches), learning_rate=lr, lr_scheduler_type="linear",
            weight_decay=0.01, max_grad_norm=1.0, use_cpu=True, save_strategy="no", logging_strategy="no",
            report_to="none", disable_tqdm=True, remove_unused_columns=False,
        )  # fmt: skip
        own = Ranker(model, asked, train_dataset=batches, data_collator=lambda items: items[0], callbacks=[Clock()])
        own.remove_callback(transformers.PrinterCallback)  # standard output is for figures
        own.train()
    return (len(batches) - 2) / (marks[1] - marks[0])
