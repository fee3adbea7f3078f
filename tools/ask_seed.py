"""Prints what the model that ships answers to the prompts it is judged by: `python -m tools.ask_seed`.

The prompts are in `tools/seed/prompts.txt` and were kept out of its training. Each is asked by itself, sampled as the bot
samples unless it is told otherwise, so other seeds give other words. Whether an answer is sensible, a person says.
"""

import argparse
from dataclasses import replace

from bot.engine.protocol import Sampling
from bot.engine.replies import generate_replies
from bot.engine.weights import EMBEDDED, fetch_base, load_weights
from storage.values import Message, Role
from tools.grow_seed import WORDS
from tools.seed.words import prompts


def main() -> None:
    """Print a table: the prompt, and the answer."""
    usual = Sampling()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=EMBEDDED, help="another model's folder")
    parser.add_argument("--temperature", type=float, default=usual.temperature)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    asked = prompts(WORDS)
    said = [[Message(Role.USER, prompt)] for prompt in asked]
    sampling = replace(usual, temperature=arguments.temperature)
    weights = load_weights(fetch_base(arguments.model), device="cpu")
    replies = generate_replies(weights, said, sampling, seed=arguments.seed)
    print("| | asked | answered |\n|---|---|---|")
    for number, (prompt, reply) in enumerate(zip(asked, replies, strict=True), start=1):
        print(f"| {number} | {_cell(prompt)} | {_cell(reply)} |")


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


if __name__ == "__main__":
    main()
