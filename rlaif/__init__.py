"""Align a small code model with AI feedback: the plan of the house.

    conf/            what a run is, YAML only; every key has a typed field in config/
    rlaif/
      train.py       the entrypoint: compose -> check -> plan -> run the stages
      command_line.py  what was typed, checked before Hydra reads it; spelling.py: texts stay as they were typed
      sweep.py       jobs that failed: they end no other one, and are told at the end
      compose.py     conf/ and a command line to a checked TrainConfig; with train.py the only ones that know Hydra
      config/        the typed schema, one file a group; check.py: combinations that make no sense
      typed.py       a composed config as a TrainConfig, checked; explain.py: why it was refused, in one line
      fields.py      what a setting's field declares: the numbers that it may be, when it is read (unread.py)
      pipeline.py    the graph of stages, written once: what each needs, which config it reads
      ranks.py       several processes of one job: the main one writes, the others join it or wait
      runs.py        where a result lives: runs/<stage>/<name>-<fingerprint>/, claimed, resumed, DONE last
      pattern.py     a regular expression that is compiled with its first use
      records.py     Example -> Sample -> Answer -> Label -> Pair -> Evaluation, and their JSONL form
      rewards.py     the terms of PPO's reward, in TRL's form
      watch.py       held-out prompts while PPO runs: is the reward only gamed?
      tracking.py    W&B as a view of the run files; the only importer of wandb
      forecast.py    what a run would do, and how often a judge would be asked
      readiness.py   what a run will need late, looked for before its first stage
      stages/        one file a stage; they meet only through files (artifacts.py)
      data/          APIBench, the embedded data set, a user's JSONL -> Example
      models/        policy, value head, reward model; training, sampling, saving
      feedback/      strategies ask judges -> answers -> labels or preferences -> pairs; the store of exchanges
      rl/            PPO in TRL's dialect, usable alone: formulas, rollout, update, trainer
        actor_critic/  policy, critic and reference as passes over whole sequences
        sampling/      token by token, with what PPO has to know of each
        reward_funcs/  calling them, beside the decoding where they allow it
      source/        what source code tells without running it: names, calls, signatures
      execution/     untrusted code and its verdicts: levels.py is the door (static, tiny, online)
        environments/  virtual environments of their own, from lock files
        hubs/          offline hubs of tiny models; sample files
        inside/        what runs in the sandbox
      metrics/       AST match, ROUGE, CodeBLEU, executability; intervals over seeds, paired tests, diversity
      report/        tables, samples side by side; html/ is the page of a run
    experiments/     what users launch, and what came out
    tests/           mirrors rlaif/; test_structure.py holds who may import whom

Imports go downwards: train -> pipeline -> stages -> rooms -> source -> records. Stages never import
each other; rl knows tensors and models, not configs or files.
"""
