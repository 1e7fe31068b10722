# SPDX-License-Identifier: Apache-2.0
# bash completion for weir. A test checks it against the program's own table of commands.
_weir()
{
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} options=

	COMPREPLY=()
	if [ "$COMP_CWORD" -eq 1 ]; then
		mapfile -t COMPREPLY < <(compgen -W "serve demo check explain models mock version help --help --version" -- "$word")
		return
	fi
	case $before in
	-c | --config | -r | --request) mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
	--dialect) mapfile -t COMPREPLY < <(compgen -W "openai-chat openai-responses anthropic gemini bedrock cohere ollama" -- "$word"); return ;;
	--operation) mapfile -t COMPREPLY < <(compgen -W "chat completions embeddings count_tokens compact" -- "$word"); return ;;
	esac
	case ${COMP_WORDS[1]} in
	serve) options="--config --help" ;;
	demo) options="--once --log --help" ;;
	check) options="--config --quiet --help" ;;
	explain) options="--config --model --request --endpoint --prompt-tokens --max-output --stream --dialect --operation --needs --only --key --user --session --tags --header --hour --live --json --help" ;;
	models) options="--config --match --json --help" ;;
	mock) options="--listen --name --latency --first-token --rate --tokens --limit --key --fault --quiet --help" ;;
	version) options="--help" ;;
	help) options="--help serve demo check explain models mock version" ;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
}
complete -o filenames -F _weir weir
