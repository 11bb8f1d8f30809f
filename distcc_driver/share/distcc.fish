# distcc_build for fish. Becomes PREFIX/share/distcc-driver/distcc.fish of an installation; `distcc-driver shim fish` prints
# the path. bash and zsh have distcc_build as a function of the shell; fish calls the program.

# The program is in PREFIX/bin, or in the .venv of a clone, or beside the package (pip install --target); else it is the one
# on PATH.
set -l distcc_here (path resolve (status filename) 2>/dev/null; or realpath (status filename))
set -l distcc_prefix (string replace -r '/share/distcc-driver/[^/]*$' '' -- $distcc_here)
set -l distcc_root (string replace -r '/distcc_driver/share/[^/]*$' '' -- $distcc_here)
for distcc_program in $distcc_prefix/bin/distcc_build $distcc_root/.venv/bin/distcc_build $distcc_root/bin/distcc_build
    if test -x $distcc_program
        function distcc_build --inherit-variable distcc_program
            $distcc_program $argv
        end
        break
    end
end

# Completes the command behind distcc_build.
complete -c distcc_build -x -a '(__fish_complete_subcommand)'
