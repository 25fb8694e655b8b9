# SPDX-License-Identifier: LGPL-2.1-or-later
# fish completion of gst-heads.
set -l commands run train-encoder train-head eval refit dataset labels pool-encoder inspect init-encoder doctor help

complete -c gst-heads -f
complete -c gst-heads -n "not __fish_seen_subcommand_from $commands" -a run -d 'Run a pipeline kept in a file'
complete -c gst-heads -n "not __fish_seen_subcommand_from $commands" -a train-head -d 'Train a head from images and labels'
complete -c gst-heads -n "not __fish_seen_subcommand_from $commands" -a train-encoder -d 'Train an encoder on unlabelled frames'
complete -c gst-heads -n "not __fish_seen_subcommand_from $commands" -a eval -d 'Measure heads against simple baselines'
complete -c gst-heads -n "not __fish_seen_subcommand_from $commands" -a refit -d 'Train a head anew on the labels of a dataset'
complete -c gst-heads -n "not __fish_seen_subcommand_from $commands" -a dataset -d 'List, check, label, export, prune and back up kept frames'
complete -c gst-heads -n "not __fish_seen_subcommand_from $commands" -a labels -d 'Bring labels from Scale AI back to kept frames'
complete -c gst-heads -n "not __fish_seen_subcommand_from $commands" -a pool-encoder -d 'Make an embedding in another way'
complete -c gst-heads -n "not __fish_seen_subcommand_from $commands" -a inspect -d 'Say what a model file holds'
complete -c gst-heads -n "not __fish_seen_subcommand_from $commands" -a init-encoder -d 'Make an untrained encoder'
complete -c gst-heads -n "not __fish_seen_subcommand_from $commands" -a doctor -d 'Check devices, plugins and models'
complete -c gst-heads -n "not __fish_seen_subcommand_from $commands" -a help -d 'Help on a command'

complete -c gst-heads -n '__fish_seen_subcommand_from run' -a "(__fish_complete_suffix .pipeline)"
complete -c gst-heads -n '__fish_seen_subcommand_from dataset' -a 'list stats verify export label prune backup'
complete -c gst-heads -n '__fish_seen_subcommand_from run' -s p -l print -d 'Print the expanded pipeline'
complete -c gst-heads -n '__fish_seen_subcommand_from run' -s n -l validate -d 'Build it without running'
complete -c gst-heads -n '__fish_seen_subcommand_from run' -s d -l describe -d 'Print description and variables'
complete -c gst-heads -n '__fish_seen_subcommand_from run' -s l -l list -d 'List pipeline files'
complete -c gst-heads -n '__fish_seen_subcommand_from run' -s t -l time -x -d 'End after seconds'
complete -c gst-heads -n '__fish_seen_subcommand_from run' -s m -l messages -d 'Print messages of elements'
complete -c gst-heads -n '__fish_seen_subcommand_from run' -s q -l quiet -d 'Warnings and errors only'
complete -c gst-heads -n '__fish_seen_subcommand_from run' -s v -l verbose -d 'With debugging text'
complete -c gst-heads -n '__fish_seen_subcommand_from train-encoder' -s i -l images -r -F -d 'Folder of images'
complete -c gst-heads -n '__fish_seen_subcommand_from train-encoder' -s v -l video -r -F -d 'Recording'
complete -c gst-heads -n '__fish_seen_subcommand_from train-encoder' -l source -x -d 'Pipeline text that yields video'
complete -c gst-heads -n '__fish_seen_subcommand_from train-encoder' -s c -l config -x -a 'almacam almacam-1080p small tiny' -d 'Shape'
complete -c gst-heads -n '__fish_seen_subcommand_from train-encoder' -s m -l model -r -F -d 'Encoder to start from'
complete -c gst-heads -n '__fish_seen_subcommand_from train-encoder' -s o -l output -r -F -d 'Encoder to write'
complete -c gst-heads -n '__fish_seen_subcommand_from train-encoder' -s n -l steps -x -d 'Steps of training'
complete -c gst-heads -n '__fish_seen_subcommand_from train-encoder' -l minutes -x -d 'Minutes of training'
complete -c gst-heads -n '__fish_seen_subcommand_from train-encoder' -s b -l batch -x -d 'Images at a time'
complete -c gst-heads -n '__fish_seen_subcommand_from train-encoder' -l lr -x -d 'Largest learning rate'
complete -c gst-heads -n '__fish_seen_subcommand_from train-encoder' -s r -l resume -d 'Go on from the checkpoint'
complete -c gst-heads -n '__fish_seen_subcommand_from inspect' -a "(__fish_complete_suffix .safetensors)"
complete -c gst-heads -n '__fish_seen_subcommand_from inspect' -s s -l stats -d 'Statistics of every tensor'
complete -c gst-heads -n '__fish_seen_subcommand_from inspect' -s j -l json -d 'One JSON object'
complete -c gst-heads -n '__fish_seen_subcommand_from labels' -a 'pull link status'
