# bash completion for mixmatch
_mixmatch() {
    local cur words offers file offer IFS=$'\n'
    cur="${COMP_WORDS[COMP_CWORD]}"
    words=("${COMP_WORDS[@]:0:$COMP_CWORD}")
    if [[ "$cur" == -* ]]; then
        words+=("$cur")
    fi
    COMPREPLY=($(compgen -W "$("${words[@]}" --generate-bash-completion 2>/dev/null)" -- "$cur"))
    if [[ $COMP_CWORD -gt 1 && "$cur" != -* ]]; then
        offers=("${COMPREPLY[@]}") # studies are folders, and offered already
        while read -r file; do
            for offer in "${offers[@]}"; do
                [[ "$offer" == "$file" ]] && continue 2
            done
            COMPREPLY+=("$file")
        done < <(compgen -f -- "$cur")
    fi
}
complete -o bashdefault -o filenames -F _mixmatch mixmatch
